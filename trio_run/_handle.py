"""
The handle: what whoever starts something holds of it.

One class for a job of a group, a job of a pool and a child of a supervisor. This file keeps the outcome and wakes who waits
for it; when a thing is ready or done, its owner says.

The functions below the class are for owners; users see the class only.

Laws: an outcome is set once. A handle keeps a value or an error, never both. Waiting is always a checkpoint.
"""

from __future__ import annotations

# pyright: reportPrivateUsage=false
# The functions for owners are as near to the class as its methods, and are not for its users.
import enum
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import attrs
import trio

from .errors import InternalError, JobCancelled, NotDone

T = TypeVar("T")


class State(enum.Enum):
    """
    What became of a job or child so far.
    """

    WAITING = "waiting"
    """Not begun, or between two lives."""

    RUNNING = "running"
    """Begun."""

    FINISHED = "finished"
    """It returned."""

    FAILED = "failed"
    """It raised, and is not tried again."""

    CANCELLED = "cancelled"
    """It was cancelled, by its handle or with all around it."""

    STOPPED = "stopped"
    """Its supervisor stopped it."""


_OVER = (
    State.FINISHED,
    State.FAILED,
    State.CANCELLED,
    State.STOPPED,
)  # The hash of a state costs more than this takes.


@attrs.define(eq=False, repr=False)
class Handle(Generic[T]):
    """
    A job or child that was started, and in time its outcome.

    Made by ``start_soon`` and its like, never by hand. All of it is safe from every task; not from other threads.
    """

    name: str
    """What it is called; for a child, its path."""

    state: State
    """What became of it so far."""

    ready_value: object
    """What it gave to ``task_status.started()`` last; None before that, and where it gave nothing."""

    _canceller: Callable[[str | None], None] | None
    _value: T | None = None
    _error: BaseException | None = None
    _reason: str | None = None
    _changed: trio.Event | None = None
    _ready: bool = False
    _guard: Callable[[], None] | None = None

    def __repr__(self) -> str:
        return f"<Handle {self.name} {self.state.value}>"

    @property
    def done(self) -> bool:
        """
        Whether the outcome is there.
        """
        return self.state in _OVER

    @property
    def lost(self) -> bool:
        """
        Whether it was over before it was ready.
        """
        return self.done and not self._ready

    @property
    def error(self) -> BaseException | None:
        """
        What it raised, where it failed.
        """
        return self._error

    @property
    def reason(self) -> str | None:
        """
        Why it was cancelled, where that was said.
        """
        return self._reason

    @property
    def value(self) -> T:
        """
        What it returned.

        Raises:
            NotDone: It is not over yet.
            JobCancelled: It was cancelled, or stopped.
            BaseException: It failed; this is the very error it raised.
        """
        if self.state is State.FINISHED:
            return self._value  # type: ignore[return-value]  # it holds a T from the moment that it finished
        if self._error is not None:
            raise self._error
        if self.done:
            raise JobCancelled(self.name, self._reason)
        raise NotDone(self.name, self.state.value)

    async def wait(self) -> T:
        """
        Wait until it is over, and return what it returned.

        Raises:
            JobCancelled: It was cancelled, or stopped.
            WouldDeadlock: The caller is that job or child or a part of it, or a job that it waits for.
            BaseException: It failed; this is the very error it raised.

        Cancellation:
            Ends the wait, and leaves the job or child alone.
        """
        if self._guard is not None:
            self._guard()
        await wait_until(self, is_done)
        return self.value

    def cancel(self, reason: str | None = None) -> None:
        """
        Cancel it. Returns at once; `wait` tells when it is gone.

        For a child of a supervisor this ends the present life only, and counts as a failure: its supervisor may start it
        again. To end a child for good, stop it by name.

        Args:
            reason: Why, for logs and for ``trio.Cancelled.reason``. The first one counts.
        """
        if not self.done:
            self._reason = self._reason or reason
            self._interrupt(reason)

    def _interrupt(self, reason: str | None) -> None:
        """
        Have the owner cancel it.
        """
        if self._canceller is not None:
            self._canceller(reason)


def make_handle(
    name: str, canceller: Callable[[str | None], None], guard: Callable[[], None] | None = None
) -> Handle[Any]:
    """
    Make the handle of something called *name*, which is cancelled by *canceller*.

    Before anybody waits for its end, *guard* is called, and raises if they would wait for themselves.
    """
    handle: Handle[Any] = Handle(name, State.WAITING, None, canceller)
    handle._guard = guard  # noqa: SLF001
    return handle


def guard(handle: Handle[Any], check: Callable[[], None]) -> None:
    """
    Have *check* called before anybody waits for the end of it, to raise if they would wait for themselves.
    """
    handle._guard = check  # noqa: SLF001


def note_running(handle: Handle[Any]) -> None:
    """
    Note that it has begun.
    """
    handle.state = State.RUNNING


def note_waiting(handle: Handle[Any]) -> None:
    """
    Note that it waits for its next life.
    """
    handle.state = State.WAITING
    handle._ready, handle._reason = False, None  # noqa: SLF001


def note_ready(handle: Handle[Any], value: object) -> None:
    """
    Note that it is ready, and what it gave to ``started()``.
    """
    handle.ready_value = value
    handle._ready = True  # noqa: SLF001
    wake(handle)


def settle(
    handle: Handle[Any],
    state: State,
    *,
    value: object = None,
    error: BaseException | None = None,
    reason: str | None = None,
) -> None:
    """
    Set the outcome; *reason* tells why it was cancelled, where that is not known yet.

    Raises:
        InternalError: It was set before.
    """
    if handle.done:
        raise InternalError(f"The outcome of {handle!r} was to be set again, to {state.value}.")
    handle.state, handle._value, handle._error = state, value, error  # noqa: SLF001
    handle._reason = handle._reason or reason  # noqa: SLF001
    handle._canceller = handle._guard = None  # noqa: SLF001 - a handle keeps nothing alive but the outcome
    wake(handle)


async def wait_until(handle: Handle[Any], holds: Callable[[Handle[Any]], bool]) -> None:
    """
    Wait until *holds* is true of *handle*; a checkpoint in any case.
    """
    if holds(handle):
        await trio.lowlevel.checkpoint()
        return
    while True:
        if handle._changed is None:  # noqa: SLF001
            handle._changed = trio.Event()  # noqa: SLF001
        await handle._changed.wait()  # noqa: SLF001
        if holds(handle):
            return


def is_done(handle: Handle[Any]) -> bool:
    """
    Tell whether the outcome is there.
    """
    return handle.state in _OVER


def is_started(handle: Handle[Any]) -> bool:
    """
    Tell whether it is ready or over.
    """
    return handle._ready or handle.state in _OVER  # noqa: SLF001


def wake(handle: Handle[Any]) -> None:
    """
    Wake who waits for it, to look again.
    """
    changed, handle._changed = handle._changed, None  # noqa: SLF001
    if changed is not None:
        changed.set()
