"""
The place of one child in the shell: its spec, its present life, and who waits for it.

What the core knows of a child is its slot; this is what there is of it in trio. Here waiters are woken and outcomes set, as
they were decided elsewhere.

Law: whoever waits for a child is woken by every change, and looks for itself.
"""

from __future__ import annotations

import contextvars
import itertools
import math
from collections.abc import Iterator
from typing import Any

import attrs
import trio

from .._handle import Handle, State, make_handle, note_ready, note_running, note_waiting, settle
from .._pool._waiters import check_outside
from .._said import said
from .._stopping import Life
from ._child import Child
from ._exits import ChildExit, StopReport
from ._facts import Ending, Exited, Judged, Verdict
from ._slot import Phase, Slot


@attrs.define(eq=False)
class Seat:
    """
    What there is of one child beyond the core's knowledge.
    """

    child: Child
    path: str
    context: contextvars.Context
    """What each life begins with a copy of."""

    handle: Handle[Any] | None = None
    life: Life | None = None
    scope: trio.CancelScope | None = None
    task: trio.lowlevel.Task | None = None
    probing: trio.CancelScope | None = None
    value: object = None
    began: float = -math.inf
    stop_began: float = math.inf
    how: str = "drained"
    cause: int = 0
    ready: bool = False
    """Whether the present life is ready."""

    given: object = None
    """What it gave to ``task_status.started()`` last."""

    last: Exited | None = None
    """How the last life ended; None before that, and while there is another."""

    last_error: str = ""
    """What the last life that failed raised. Text only, so that a child that is up keeps no frames of its past."""

    ending: Ending | None = None
    """How the last life that is over ended, also while there is another."""

    _cancelled: str = ""
    _seconds: float = -math.inf  # How long it took to go; minus infinity where nobody had to ask.
    _below: StopReport | None = None
    _change: _Change | None = None

    def open_handle(self) -> Handle[Any]:
        """
        Return the handle of the child, a fresh one if the outcome of the last is settled.
        """
        handle = self.handle
        if handle is None or handle.done:
            handle = self.handle = make_handle(self.path, self.cancel, self.guard)
            if self.life is not None:
                note_running(handle)
                if self.ready:
                    note_ready(handle, self.given)
        return handle

    def stop_probing(self) -> None:
        """
        End the asking of a life that is over, or told to go.
        """
        if self.probing is not None:
            self.probing.cancel(reason=f"{self.path} goes down")
            self.probing = None

    def guard(self) -> None:
        """
        Raise WouldDeadlock if the current task is a part of the child, and so cannot wait for its end.
        """
        check_outside(self.task, self.path)

    def cancel(self, reason: str | None) -> None:
        """
        Cancel the present life; before the first, that one.
        """
        if self.scope is not None:
            self.scope.cancel(reason=reason)
        elif self.began == -math.inf:
            self._cancelled = reason or "cancelled before it began"

    def open_scope(self) -> trio.CancelScope:
        """
        Make the scope of a new life.
        """
        self.scope = scope = trio.CancelScope()
        if self._cancelled:
            scope.cancel(reason=self._cancelled)
            self._cancelled = ""
        return scope

    def end_life(self, action: Judged) -> None:
        """
        Drop what belonged to a life that is over, and settle the handle if there will be no other.
        """
        fact, verdict, _history = action
        value, self.value = self.value, None
        self.last, self.ending = fact, fact.ending
        self._seconds = trio.current_time() - self.stop_began if self.stop_began < math.inf else -math.inf
        if fact.error is not None:
            self.last_error = said(fact.error)
        report = None if self.life is None else self.life.report
        self._below = report if isinstance(report, StopReport) else None
        if self._change is not None:
            self._change.exit = self.exit()
        self.stop_probing()
        self.life = self.scope = self.task = None
        handle = self.handle
        if handle is None:
            return
        if verdict is Verdict.RISES:
            note_waiting(handle)
            return
        if fact.ending is Ending.IGNORED:
            note_ready(handle, None)  # As good as started, for whoever waits.
        if verdict is Verdict.STOPPED:
            settle(handle, State.STOPPED, error=fact.error if fact.ending is Ending.FAILED else None)
        elif fact.ending in {Ending.FINISHED, Ending.DONE, Ending.IGNORED, Ending.AGAIN}:
            settle(handle, State.FINISHED, value=value)
        elif fact.ending is Ending.CANCELLED:
            settle(handle, State.CANCELLED)
        else:
            settle(handle, State.FAILED, error=fact.error)

    def rest(self, slot: Slot) -> None:
        """
        Settle the handle of a child that is down for good, though no life of it just ended.
        """
        if slot.phase is Phase.DOWN and not slot.wanted and self.life is None:
            self.abandon()

    def abandon(self) -> None:
        """
        Settle the handle if it is open, and wake who waits.
        """
        if self.handle is not None and not self.handle.done:
            settle(self.handle, State.STOPPED)
        self.notify()

    @property
    def outcome(self) -> str | None:
        """
        How the last life that is over ended, as its handle would say.
        """
        if self.ending is None:
            return None
        if self._seconds >= 0 and self.ending is not Ending.UNHEALTHY:
            return State.STOPPED.value
        return _OUTCOMES.get(self.ending, State.FAILED).value

    def exit(self) -> ChildExit:
        """
        Return how the last life ended.
        """
        last = self.last
        if last is None:
            return ChildExit(path=self.path, life=0, how="ended", seconds=0.0)
        asked = self._seconds >= 0
        return ChildExit(
            path=self.path,
            life=last.life,
            how=self.how if asked else "ended",
            seconds=self._seconds if asked else 0.0,
            error=last.error,
            below=self._below,
        )

    def notify(self) -> None:
        """
        Wake who waits for a change.
        """
        change, self._change = self._change, None
        if change is not None:
            change.event.set()

    async def change(self) -> ChildExit | None:
        """
        Wait until something happens to the child; return how a life ended, if that is what happened.
        """
        change = self._change
        if change is None:
            change = self._change = _Change()
        await change.event.wait()
        return change.exit


_OUTCOMES = {
    Ending.FINISHED: State.FINISHED,
    Ending.DONE: State.FINISHED,
    Ending.IGNORED: State.FINISHED,
    Ending.AGAIN: State.FINISHED,
    Ending.CANCELLED: State.CANCELLED,
}
"""What ends have no failure in them."""


class Seats(dict[str, Seat]):
    """
    The children of one run, by name.
    """

    def __init__(self) -> None:
        super().__init__()
        self._numbers: dict[str, Iterator[int]] = {}

    def free_name(self, name: str) -> str:
        """
        Return *name*, with a number if there is a child of that name.
        """
        if name not in self:
            return name
        numbers = self._numbers.setdefault(name, itertools.count(2))
        return next(numbered for number in numbers if (numbered := f"{name}-{number}") not in self)


@attrs.define(eq=False)
class _Change:
    """
    The next thing that happens to a child.
    """

    event: trio.Event = attrs.field(factory=trio.Event)
    exit: ChildExit | None = None
