"""
The place of one child in the shell: its spec, its present life, and who waits for it.

What the core knows of a child is its slot; this is what there is of it in trio. Here waiters are woken and outcomes set, as
they were decided elsewhere.

Law: whoever waits for a child is woken by every change, and looks for itself.
"""

from __future__ import annotations

import contextvars
import math
from typing import Any

import attrs
import trio

from .._handle import Handle, State, make_handle, note_waiting, settle
from .._stopping import Life
from ._child import Child
from ._facts import Ending, Judged, Verdict
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
    value: object = None
    began: float = 0.0
    stop_began: float = math.inf
    how: str = "drained"
    cause: int = 0
    _changed: trio.Event | None = None

    def open_handle(self) -> Handle[Any]:
        """
        Return the handle of the child, a fresh one if the outcome of the last is settled.
        """
        handle = self.handle
        if handle is None or handle.done:
            handle = self.handle = make_handle(self.path, self.cancel)
        return handle

    def cancel(self, reason: str | None) -> None:
        """
        Cancel the present life, if there is one.
        """
        if self.scope is not None:
            self.scope.cancel(reason=reason)

    def end_life(self, action: Judged) -> None:
        """
        Drop what belonged to a life that is over, and settle the handle if there will be no other.
        """
        fact, verdict = action
        value, self.value = self.value, None
        self.life = self.scope = self.task = None
        handle = self.handle
        if handle is None:
            return
        if verdict is Verdict.RISES:
            note_waiting(handle)
        elif verdict is Verdict.STOPPED:
            settle(handle, State.STOPPED, error=fact.error if fact.ending is Ending.FAILED else None)
        elif fact.ending is Ending.FINISHED:
            settle(handle, State.FINISHED, value=value)
        elif fact.ending is Ending.CANCELLED:
            settle(handle, State.CANCELLED)
        else:
            settle(handle, State.FAILED, error=fact.error)

    def rest(self, slot: Slot) -> None:
        """
        Settle the handle of a child that is down for good, though no life of it just ended.
        """
        if slot.phase is Phase.DOWN and not slot.wanted:
            if self.handle is not None and not self.handle.done:
                settle(self.handle, State.STOPPED)
            self.notify()

    def notify(self) -> None:
        """
        Wake who waits for a change.
        """
        changed, self._changed = self._changed, None
        if changed is not None:
            changed.set()

    async def change(self) -> None:
        """
        Wait until something happens to the child.
        """
        if self._changed is None:
            self._changed = trio.Event()
        await self._changed.wait()
