"""
One life of a child: its runner in a scope of its own, from the first step to the report of how it ended.

When a life begins and what follows from its end is not known here.

Law: every exit is reported, whatever ended the child.
"""

from __future__ import annotations

from collections.abc import Callable

import attrs
import trio

from .._handle import note_ready
from .._runner import Recipe
from .._stopping import Life, begin_life
from ..errors import EndedBeforeReady
from ._facts import Ending, Exited, Fact, Ready
from ._outcome import Outcome, outcome_of
from ._report import Report
from ._seat import Seat

_FATAL, _CANCELLED, _FINISHED = map(Outcome, (Ending.FATAL, Ending.CANCELLED, Ending.FINISHED))


@attrs.define(eq=False)
class Host:
    """
    Runs the lives of one supervisor's children, and tells what happened.
    """

    tell: Callable[[Fact], None]
    report: Report

    async def run(self, seat: Seat, recipe: Recipe, life: Life, scope: trio.CancelScope) -> None:
        """
        Run one life.

        Cancellation:
            Of *scope*, the end of the life. From anywhere else it only comes when the fence is down, and then passes.
        """
        begin_life(life)
        seat.task = trio.lowlevel.current_task()
        status = _Status(self, seat, life.number)
        outcome = _FATAL
        try:
            with scope:
                awaitable = recipe.begin(status)
                if not recipe.takes_task_status:
                    status.started()
                seat.value = await awaitable
        except BaseException as exc:  # Sorted, and passed on where it is not ours to hold.
            outcome = outcome_of(exc, seat.path, seat.child.classify) or _CANCELLED
            if outcome is _CANCELLED:
                raise
            if status.called and recipe.takes_task_status and outcome.ending is Ending.IGNORED:
                outcome = Outcome(Ending.FAILED, exc)  # Too late: somebody relies on it by now.
        else:
            outcome = _CANCELLED if scope.cancelled_caught else _FINISHED
            told_to_go = life.asked or scope.cancel_called
            if outcome is _FINISHED and not status.called and not told_to_go:
                outcome = Outcome(Ending.FAILED, EndedBeforeReady(seat.path))
        finally:
            self.tell(Exited(seat.child.name, life.number, *outcome))
            del outcome  # Or its error would hold this frame, and both wait for the garbage collector.

    def ready(self, seat: Seat, number: int, value: object) -> None:
        """
        Note that a child is ready; one that was cancelled before does not become so any more.
        """
        if seat.scope is not None and seat.scope.cancel_called:
            return
        self.report.child_ready(seat, number)
        seat.ready, seat.given = True, value
        self.tell(Ready(seat.child.name, number))
        if seat.handle is not None:
            note_ready(seat.handle, value)


@attrs.define(eq=False)
class _Status:
    """
    The task status that one life is given.
    """

    _host: Host
    _seat: Seat
    _life: int
    called: bool = False

    def started(self, value: object = None) -> None:
        """
        Note that the child is ready.
        """
        if self.called:
            raise RuntimeError(f"{self._seat.path}#{self._life} called task_status.started() twice in one life.")
        self.called = True
        self._host.ready(self._seat, self._life, value)
