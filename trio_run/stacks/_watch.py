"""
A watch for what does not move on: tasks that wait in one place for long, and a task that hogs the loop.

A thread looks at the loop now and then, and has the tasks looked at inside of it, so that there is no timer in the loop, and no
cost for a step: only each turn of the loop costs two looks at the clock. Whether a wait is wrong is for people to say; what is
made to wait for ever, such as an accept loop, is passed over.

Laws: each place is reported once, and again only when twice as many tasks are stuck there. A blocked loop is told at once, by
`logging`, and as an event when the loop goes on. A process that was stopped was not blocked.
"""

from __future__ import annotations

import contextlib
import logging
import math
import sys
import threading
import time
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from types import FrameType, TracebackType
from typing import Final, Self

import attrs
import trio

from .. import _trio_check, _trio_compat
from .._sinks import Stream, current_stream
from .._tasks import all_tasks
from ..events import LoopBlocked, TaskStuck
from ._dump import TaskInfo, TaskState, task_dump
from ._moves import Moves, drop, keep
from ._waits import Frame, frame_of, is_machinery

_LOGGER: Final = logging.getLogger("trio_run")

ENDLESS: Final = frozenset(
    {"children", "sleep", "sleep_forever", "wait_stopping", "SocketListener.accept", "SignalReceiver"}
)
"""
Waits that may last, by their primitive: nobody is stuck in them.
"""


class WatchThread(threading.Thread):
    """
    A thread that only looks; nobody waits for what it does.
    """


class StuckWatch:
    """
    Reports tasks and a loop that do not move on, as events and to `logging`.

    An async context manager and a runner: ``async with StuckWatch(after=30):`` around what is to be watched, or
    ``Child(StuckWatch(after=30))``. It watches the whole run that it is in. Seconds are those on the wall. Each can be entered
    once at a time; it is not for other threads.

    A task is stuck when it has waited in one and the same call for longer than *after*. Waits for children, timers, new
    connections and signals are passed over, and so is what is idle inside of trio_run itself. Of a consumer that has nothing
    to do all night the watch cannot know that; name it in *ignore*.

    Args:
        after: Seconds that a task may wait in one place. A stuck task is found at most a quarter of that later.
        loop_after: Seconds that the loop may be kept from its turn by one task, or by many.
        ignore: Patterns as in `fnmatch`; a task whose name, primitive or one of whose functions matches is never stuck.

    Raises:
        ValueError: A number of seconds is not positive.
        RuntimeError: It was entered twice; or this trio is not built as the watch takes it to be.
    """

    def __init__(self, after: float = 30.0, *, loop_after: float = 1.0, ignore: Sequence[str] = ()) -> None:
        for name, seconds in (("after", after), ("loop_after", loop_after)):
            if not seconds > 0:
                raise ValueError(f"{name} has to be a positive number of seconds, not {seconds!r}.")
        if isinstance(ignore, str):
            raise TypeError(f"ignore is a sequence of patterns, not one string: write [{ignore!r}].")
        _trio_check.check()
        self._after = after
        self._loop_after = loop_after
        self._ignore = tuple(ignore)
        self._watching: _Watching | None = None

    async def __aenter__(self) -> Self:
        await trio.lowlevel.checkpoint()
        if self._watching is not None:
            raise RuntimeError("This StuckWatch is in use already. Make another one; but one sees all tasks of a run.")
        self._watching = _Watching(self._after, self._loop_after, self._ignore)
        self._watching.begin()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None, /
    ) -> None:
        watching, self._watching = self._watching, None
        if watching is not None:
            watching.end()
        await trio.lowlevel.cancel_shielded_checkpoint()

    async def run(self) -> None:
        """
        Watch until cancelled.

        Cancellation:
            Ends the watch.
        """
        async with self:
            await trio.sleep_forever()


@attrs.define(eq=False)
class _Turns(trio.abc.Instrument):
    """
    Knows since when the loop is busy.
    """

    busy_since: float = math.inf

    def before_io_wait(self, timeout: float) -> None:  # noqa: ARG002
        self.busy_since = math.inf

    def after_io_wait(self, timeout: float) -> None:  # noqa: ARG002
        self.busy_since = time.perf_counter()


@attrs.define(eq=False)
class _Watching:
    """
    One time of watching.
    """

    after: float
    loop_after: float
    ignore: tuple[str, ...]
    stream: Stream = attrs.field(factory=current_stream)
    turns: _Turns = attrs.field(factory=_Turns)
    moves: Moves = attrs.field(factory=Moves)
    reported: dict[tuple[object, ...], int] = attrs.field(factory=dict)
    """How many tasks were stuck at a place when it was reported last."""
    over: threading.Event = attrs.field(factory=threading.Event)
    thread: WatchThread | None = None

    def begin(self) -> None:
        self.look_at_tasks()
        keep(self.moves)
        trio.lowlevel.add_instrument(self.turns)
        self.turns.busy_since = time.perf_counter()  # This turn of the loop is under way.
        sentry = _Sentry(self, trio.lowlevel.current_trio_token(), _trio_compat.running_task())
        self.thread = WatchThread(target=sentry.run, name="trio_run StuckWatch", daemon=True)
        self.thread.start()

    def end(self) -> None:
        self.over.set()
        drop(self.moves)
        with contextlib.suppress(KeyError):
            trio.lowlevel.remove_instrument(self.turns)
        if self.thread is not None:
            self.thread.join(timeout=1.0)  # It is awake by now, and ends unless a handler of logging keeps it.

    def look_at_tasks(self) -> None:
        """
        Find the tasks that did not move since long, and report those that are news. In trio's thread.
        """
        if self.over.is_set():
            return
        tasks = tuple(all_tasks())
        self.moves.look(tasks)
        idle = {_trio_compat.task_number(task): self.moves.idle(task) for task in tasks}
        stuck = {number: seconds for number, seconds in idle.items() if seconds >= self.after}
        if stuck:
            self.report(stuck)

    def report(self, stuck: dict[int, float]) -> None:
        """
        Report each place where some of the tasks with these numbers are stuck, unless it is known.
        """
        places: dict[tuple[object, ...], list[tuple[TaskInfo, float]]] = {}
        for task in task_dump().tasks:
            if task.number in stuck and not self.may_last(task):
                places.setdefault((task.stack, task.doing()), []).append((task, stuck[task.number]))
        self.reported = {place: count for place, count in self.reported.items() if place in places}
        for place, found in places.items():
            if len(found) >= 2 * self.reported.get(place, 0):
                self.reported[place] = len(found)
                task, seconds = max(found, key=lambda each: each[1])
                stack = tuple(map(str, task.stack))
                self.stream.send(
                    TaskStuck, task.name, tasks=len(found), seconds=seconds, waits_for=str(task.wait), stack=stack
                )

    def may_last(self, task: TaskInfo) -> bool:
        """
        Tell whether nobody should wonder that *task* waits.
        """
        if task.state is not TaskState.WAITING or task.wait is None or task.wait.at is None:
            return True
        names = (task.name, task.wait.primitive, *(frame.function for frame in task.stack))
        return task.wait.primitive in ENDLESS or any(
            fnmatchcase(name, pattern) for pattern in self.ignore for name in names
        )


@attrs.define(eq=False)
class _Sentry:
    """
    What the thread does.
    """

    watching: _Watching
    token: trio.lowlevel.TrioToken
    running_task: Callable[[], trio.lowlevel.Task | None]
    loop_thread: int = attrs.field(factory=threading.get_ident)
    told: float = math.inf
    """The turn of the loop, by when it began, that was reported as blocked."""
    excused_until: float = 0.0
    """When the process was last found to have been stopped."""

    def run(self) -> None:
        """
        Look again and again, until the watch is over.
        """
        watching = self.watching
        tick = min(watching.after, watching.loop_after) / 4
        due = time.monotonic() + watching.after / 4
        seen, worked = time.perf_counter(), time.process_time()
        while not watching.over.wait(tick):
            now, work = time.perf_counter(), time.process_time()
            late = now - seen - tick
            if late > tick and work - worked < late / 2:
                self.excused_until = now
            seen, worked = now, work
            with contextlib.suppress(trio.RunFinishedError):
                self.look_at_loop(now)
                if time.monotonic() >= due:
                    due = time.monotonic() + watching.after / 4
                    self.token.run_sync_soon(watching.look_at_tasks, idempotent=True)

    def look_at_loop(self, now: float) -> None:
        """
        Tell it if the loop has been in one and the same turn for long.
        """
        began = self.watching.turns.busy_since
        blocked = now - max(began, self.excused_until)
        if blocked < self.watching.loop_after or began == self.told:
            return
        task = self.running_task()
        frames = tuple(_frames_of_thread(self.loop_thread))
        if began != self.watching.turns.busy_since:
            return  # It went on meanwhile.
        self.told = began
        name = task.name if task is not None else "the loop itself"
        stack = tuple(map(str, frames))
        _LOGGER.warning("loop.blocked %s for %.3g s so far, at:\n%s", name, blocked, "\n".join(stack))

        def tell() -> None:
            seconds = time.perf_counter() - began
            self.watching.stream.send(LoopBlocked, name, seconds=seconds, stack=stack)

        self.token.run_sync_soon(tell)


def _frames_of_thread(thread: int) -> list[Frame]:
    """
    Return the lines of a thread below trio's, outermost first.
    """
    frame: FrameType | None = sys._current_frames().get(thread)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
    found: list[Frame] = []
    inside = True
    while frame is not None and inside:
        if not is_machinery(frame):
            found.append(frame_of(frame.f_code, frame.f_lineno))
        elif frame.f_code.co_name == "unrolled_run":
            inside = False
        frame = frame.f_back
    return found[::-1]
