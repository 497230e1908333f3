"""
What a supervisor tells the world: actions and facts, put into events.

Each event names its cause, the event that led to it, so that the story of a child can be read backwards. Nothing is decided
here, and where nobody listens next to nothing is done.
"""

from __future__ import annotations

import math
from types import FrameType

import attrs
import trio

from .._sinks import Stream
from ..events import (
    ChildFailed,
    ChildFinished,
    ChildIgnored,
    ChildLost,
    ChildOverdue,
    ChildParked,
    ChildReady,
    ChildRemoved,
    ChildRestartScheduled,
    ChildStarting,
    ChildStopped,
    ChildStopping,
    ChildStuck,
    Event,
    GroupRestarting,
    SupervisorGaveUp,
    SupervisorReady,
    SupervisorStarting,
    SupervisorStopped,
    SupervisorStopping,
)
from ._exits import StopReport
from ._facts import Ask, Cancel, Ending, Judged, Scheduled, Stuck, Verdict
from ._policy import Budget
from ._seat import Seat

_RISES, _DOOMS = Verdict.RISES, Verdict.DOOMS  # CPython 3.11 takes long to look up a member by its enum.


@attrs.define(eq=False)
class Report:
    """
    The events of one run of a supervisor.
    """

    stream: Stream
    path: str
    life: int
    budget: Budget
    began: float
    cause: int = 0

    def starting(self, strategy: str, children: tuple[str, ...]) -> None:
        """
        Tell that the supervisor begins.
        """
        self.cause = self.stream.send(
            SupervisorStarting, self.path, self.life, self.cause, strategy=strategy, children=children
        )

    def booted(self) -> None:
        """
        Tell that all children of the start are ready.
        """
        seconds = trio.current_time() - self.began
        self.stream.send(SupervisorReady, self.path, self.life, self.cause, seconds=seconds)

    def stopping(self, reason: str) -> None:
        """
        Tell that the supervisor stops.
        """
        self.began = trio.current_time()
        self.cause = self.stream.send(SupervisorStopping, self.path, self.life, self.cause, reason=reason)

    def stopped(self, report: StopReport) -> None:
        """
        Tell that all children are gone.
        """
        ways = {how: report.count(how) for how in ("drained", "cancelled", "ended")}
        self.stream.send(SupervisorStopped, self.path, self.life, self.cause, seconds=report.seconds, **ways)

    def gave_up(self, culprit: str, history: tuple[str, ...]) -> None:
        """
        Tell that the budget is spent.
        """
        self.cause = self.stream.send(
            SupervisorGaveUp, self.path, self.life, self.cause, culprit=culprit, history=history
        )

    def child_starting(self, seat: Seat, life: int) -> None:
        """
        Tell that a life begins.
        """
        if self.stream.outlets:
            seat.cause = self.stream.send(ChildStarting, seat.path, life, seat.cause or self.cause)

    def child_ready(self, seat: Seat, life: int) -> None:
        """
        Tell that a child is ready.
        """
        if self.stream.outlets:
            seconds = trio.current_time() - seat.began
            seat.cause = self.stream.send(ChildReady, seat.path, life, seat.cause, seconds=seconds)

    def child_stopping(self, seat: Seat, life: int, action: Ask) -> None:
        """
        Tell that a child is asked to stop, once.
        """
        if not action.again:
            self._going(seat, life, action.deadline - trio.current_time(), action.reason)

    def child_cancelled(self, seat: Seat, life: int, action: Cancel) -> None:
        """
        Tell that a child is cancelled: at once, or since its grace is over.
        """
        if action.grace is None:
            self._going(seat, life, 0.0, action.reason)
        else:
            seat.cause = self.stream.send(ChildOverdue, seat.path, life, seat.cause, grace=action.grace)

    def _going(self, seat: Seat, life: int, grace: float, reason: str) -> None:
        if self.stream.takes(ChildStopping):
            cause = seat.cause or self.cause
            seat.cause = self.stream.send(ChildStopping, seat.path, life, cause, grace=grace, reason=reason)

    def child_stuck(self, seat: Seat, life: int, action: Stuck) -> None:
        """
        Tell that a cancelled child is still there, and where it stands.
        """
        stack = () if seat.task is None else tuple(_where(frame, line) for frame, line in seat.task.iter_await_frames())
        self.stream.send(ChildStuck, seat.path, life, seat.cause, seconds=action.seconds, stack=stack)

    def child_ended(self, seat: Seat, action: Judged) -> None:
        """
        Tell how a life ended.
        """
        fact, verdict, history = action
        if seat.stop_began < math.inf and fact.ending is not Ending.UNHEALTHY:
            if self.stream.takes(ChildStopped):
                seconds = trio.current_time() - seat.stop_began
                self.stream.send(
                    ChildStopped, seat.path, fact.life, seat.cause, seconds=seconds, how=seat.how, error=fact.error
                )
        elif fact.error is None and fact.ending is not Ending.CANCELLED:
            kind = ChildIgnored if fact.ending is Ending.IGNORED else ChildFinished
            seconds = trio.current_time() - seat.began
            seat.cause = self.stream.send(kind, seat.path, fact.life, seconds=seconds)
        else:
            failed: type[Event] = ChildFailed if verdict is _RISES else ChildLost
            if self.stream.takes(failed):
                details: dict[str, object] = {"seconds": trio.current_time() - seat.began, "error": fact.error}
                if verdict is Verdict.PARKED:
                    failed, details["history"] = ChildParked, history
                seat.cause = self.stream.send(failed, seat.path, fact.life, **details)  # type: ignore[arg-type]  # no cause
        if verdict is _DOOMS:
            self.cause = seat.cause

    def child_removed(self, seat: Seat) -> None:
        """
        Tell that a child is forgotten.
        """
        self.stream.send(ChildRemoved, seat.path, 0, seat.cause)

    def scheduled(self, seat: Seat, action: Scheduled) -> int:
        """
        Tell when who comes up again; return the event that is to be the cause of what happens to the others.
        """
        if not self.stream.outlets:
            return 0
        seat.cause = self.stream.send(
            ChildRestartScheduled,
            seat.path,
            action.life,
            seat.cause,
            delay=action.delay,
            failures=action.failures,
            spent=action.spent,
            restarts=self.budget.restarts,
            per=self.budget.per,
            in_a_row=self.budget.in_a_row,
        )
        if len(action.members) == 1:
            return seat.cause
        details = {"culprit": action.culprit, "members": action.members}
        return self.stream.send(GroupRestarting, self.path, self.life, seat.cause, **details)


def _where(frame: FrameType, line: int) -> str:
    return f"{frame.f_code.co_filename}:{line} {frame.f_code.co_name}"
