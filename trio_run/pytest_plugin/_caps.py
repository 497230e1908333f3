"""
A test that takes too long: its tasks are shown, then it is cancelled, then it is ended with force.

How long a test may take is said by ``--stuck-after``, or by pytest-timeout; where both do, each does its part. Trio's loop is
asked from a thread; where it does not answer since a task hogs it, the task is interrupted as by Ctrl-C, and that ends the
session.

Laws: the tree of tasks is printed before anything is done to it. The rest of the suite goes on if the test could be ended in
good order.
"""

from __future__ import annotations

import _thread
import contextlib
import signal
import sys
import threading
import traceback
from collections.abc import Awaitable, Callable, Generator
from types import FrameType
from typing import Any, Final

import attrs
import pytest
import trio

from .. import _trio_compat
from ..stacks import task_dump
from ..testing._explore_steps import all_tasks

SECONDS_TO_UNWIND: Final = 2.0
"""
How long a test that is cancelled may take to end before more force is used.
"""

HUNG: Final = "The test took too long and was ended. Where its tasks stood is shown below."


class Ended(BaseException):
    """
    Thrown into each wait of a test that took too long and did not end when it was cancelled.
    """


@attrs.define(eq=False)
class Running:
    """
    The run of a test that is going on.
    """

    item: pytest.Item
    scope: trio.CancelScope
    token: trio.lowlevel.TrioToken
    was_ended: bool = False

    def show(self) -> None:
        """
        Add the tree of tasks to the report of the test.
        """
        show_tasks(self.item)

    def cancel(self) -> None:
        """
        End the test softly.
        """
        self.was_ended = True
        self.scope.cancel(reason="the test took too long")

    def interrupt(self) -> None:
        """
        End each wait of the test, shielded or not.
        """
        self.was_ended = True
        for task in all_tasks():
            _trio_compat.interrupt(task, Ended("The test took too long."))


RUNNING: Final = pytest.StashKey[Running | None]()
WAS_ENDED: Final = pytest.StashKey[bool]()


def show_tasks(item: pytest.Item) -> None:
    """
    Add the tree of tasks of this thread's run to the report of *item*.
    """
    with contextlib.suppress(RuntimeError):  # There is no run.
        item.add_report_section("call", "trio tasks", str(task_dump()))


def in_scope(item: pytest.Item, main: Callable[[], Awaitable[object]]) -> Callable[[], Awaitable[object]]:
    """
    Return *main* in a scope by which a cap can end it.
    """

    async def main_in_scope() -> object:
        __tracebackhide__ = True
        scope = trio.CancelScope()
        running = item.stash[RUNNING] = Running(item, scope, trio.lowlevel.current_trio_token())
        try:
            with scope:
                return await main()
        except BaseException:
            if not running.was_ended:
                raise
        finally:
            item.stash[RUNNING] = None
        item.stash[WAS_ENDED] = True
        pytest.fail(HUNG, pytrace=False)

    return main_in_scope


# Our own cap.


@contextlib.contextmanager
def capped(item: pytest.Item, seconds: float | None) -> Generator[None]:
    """
    End *item* if it takes longer than so many seconds on the wall.
    """
    item.stash[WAS_ENDED] = False
    if seconds is None:
        yield
        return
    cap = _Cap(item, seconds)
    thread = threading.Thread(target=cap.run, name="trio_run --stuck-after", daemon=True)
    thread.start()
    try:
        yield
    finally:
        cap.over.set()
        thread.join()


@attrs.define(eq=False)
class _Cap:
    """
    What the thread of a cap does.
    """

    item: pytest.Item
    seconds: float
    over: threading.Event = attrs.field(factory=threading.Event)

    def run(self) -> None:
        """
        Wait, and use more force each time it did not help.
        """
        for number, seconds in enumerate((self.seconds, SECONDS_TO_UNWIND, SECONDS_TO_UNWIND)):
            if self.over.wait(seconds):
                return
            if not self._ask(number):
                break
        if not self.over.is_set():
            self._stop_session()

    def _ask(self, number: int) -> bool:
        """
        Have the loop do something about it, and tell whether it did.
        """
        running = self.item.stash.get(RUNNING, None)
        if running is None or number > 1:
            return False
        did = threading.Event()

        def act() -> None:
            if self.item.stash.get(RUNNING, None) is running:
                (running.interrupt if number else self._show_and_cancel)()
            did.set()

        with contextlib.suppress(trio.RunFinishedError):
            running.token.run_sync_soon(act)
        return did.wait(SECONDS_TO_UNWIND)

    def _show_and_cancel(self) -> None:
        running = self.item.stash.get(RUNNING, None)
        if running is not None:
            running.show()
            running.cancel()

    def _stop_session(self) -> None:
        """
        Show what the main thread does, and interrupt it as Ctrl-C does.
        """
        text = f"{self.item.nodeid} took longer than {self.seconds:g} s and could not be cancelled."
        self.item.session.shouldstop = text
        writer = self.item.config.get_terminal_writer()
        writer.line()
        writer.line(f"{text} The main thread stood here:", red=True)
        main = sys._current_frames().get(threading.main_thread().ident or 0)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
        writer.line("".join(traceback.format_stack(main)))
        if hasattr(signal, "pthread_kill"):
            signal.pthread_kill(
                threading.main_thread().ident or 0, signal.SIGINT
            )  # This ends a call to the system as well.
        else:
            _thread.interrupt_main()


# The cap of pytest-timeout.


@pytest.hookimpl(wrapper=True, optionalhook=True)
def pytest_timeout_set_timer(item: pytest.Item, settings: Any) -> Generator[None, Any, Any]:  # noqa: ANN401 - its own
    """
    Have pytest-timeout fail a test only after its tasks were shown and had a chance to unwind.
    """
    item.stash[SETTINGS] = settings
    if settings.method == "thread" and settings.timeout:
        _show_in_time(item, settings.timeout)
    result = yield
    if settings.method == "signal" and settings.timeout:
        _soften(item)
    return result


NOT_SHOWN: Final = pytest.StashKey[Callable[[], None] | None]()
"""
Ends what would print the tasks of a test a little before its time is up.
"""

SETTINGS: Final = pytest.StashKey[Any]()
"""
What pytest-timeout was told of a test, if it is there.
"""


def rearm(item: pytest.Item) -> None:
    """
    Give the test all of its time again, as far as pytest-timeout is asked.
    """
    settings = item.stash.get(SETTINGS, None)
    if settings is not None:
        item.config.hook.pytest_timeout_cancel_timer(item=item)
        item.config.hook.pytest_timeout_set_timer(item=item, settings=settings)


def _soften(item: pytest.Item) -> None:
    """
    Put a handler in the place of the one that fails the test in the middle of trio's loop.
    """
    fail = signal.getsignal(signal.SIGALRM)
    if not callable(fail):
        return

    def fail_and_stop(number: int, frame: FrameType | None) -> None:
        __tracebackhide__ = True
        # Failing from a signal breaks trio's loop wherever it is, and no loop runs after that.
        item.session.shouldstop = "A test hung and could not be cancelled."
        item.stash[WAS_ENDED] = True
        fail(number, frame)

    def show_and_cancel(number: int, frame: FrameType | None) -> None:
        __tracebackhide__ = True
        signal.signal(signal.SIGALRM, fail_and_stop)
        show_tasks(item)
        running = item.stash.get(RUNNING, None)
        if running is None:
            fail(number, frame)
            return
        running.token.run_sync_soon(running.cancel)
        signal.setitimer(signal.ITIMER_REAL, SECONDS_TO_UNWIND)

    signal.signal(signal.SIGALRM, show_and_cancel)


def _show_in_time(item: pytest.Item, seconds: float) -> None:
    """
    Print the tasks of a test a little before pytest-timeout ends the whole process.
    """

    def show() -> None:
        running = item.stash.get(RUNNING, None)
        if running is None or over.is_set():
            return
        writer = item.config.get_terminal_writer()
        with contextlib.suppress(trio.RunFinishedError):
            running.token.run_sync_soon(lambda: writer.line(f"\n{task_dump()}"))

    over = threading.Event()
    timer = threading.Timer(seconds * 0.95, show)
    timer.daemon = True
    timer.start()

    def cancel() -> None:
        over.set()
        timer.cancel()
        timer.join()

    item.stash[NOT_SHOWN] = cancel


@pytest.hookimpl(tryfirst=True, optionalhook=True)
def pytest_timeout_cancel_timer(item: pytest.Item) -> None:
    """
    Print no tasks of a test that is over in time.
    """
    cancel = item.stash.get(NOT_SHOWN, None)
    if cancel is not None:
        item.stash[NOT_SHOWN] = None
        cancel()
