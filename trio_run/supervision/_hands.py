"""
The hands of a supervisor: they carry out in trio what the core decides.

Each kind of move has its place here, and is told where it is made. When moves are made is for `_shell`, and what a life is
made of for `_host`.
"""

from __future__ import annotations

import abc
import functools
import math

import attrs
import trio

from .._handle import note_running
from .._stopping import Life
from ._core import Core
from ._facts import (
    Action,
    Ask,
    Beat,
    Booted,
    Cancel,
    Extended,
    Fact,
    Forget,
    Hears,
    Judged,
    Scheduled,
    Start,
    Stopping,
    Stuck,
)
from ._host import Host
from ._report import Report
from ._seat import Seat, Seats
from ._slot import End
from ._stop_log import StopLog


@attrs.define(eq=False)
class Hands(abc.ABC):
    """
    What one run of a supervisor has in trio, and the moves of it.
    """

    core: Core
    report: Report
    task_status: trio.TaskStatus[None]
    nursery: trio.Nursery = attrs.field(init=False)
    seats: Seats = attrs.field(factory=Seats)
    stop_log: StopLog = attrs.field(factory=StopLog)
    _host: Host = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._host = Host(self.tell, self.report)

    @abc.abstractmethod
    def tell(self, fact: Fact) -> None:
        """
        Take in a fact.
        """

    def _perform(self, action: Action, now: float) -> None:
        match action:
            case Start():
                self._start(self.seats[action.name], action.life, now)
            case Judged():
                self._ended(self.seats[action.fact.name], action)
            case Scheduled():
                cause = self.report.scheduled(self.seats[action.culprit], action)
                for member in action.members:
                    self.seats[member].cause = cause
            case Cancel(name=name, reason=reason):
                seat, life = self._going(name, "cancelled")
                self.report.child_cancelled(seat, life, action)
                seat.cancel(reason)
            case Ask(name, deadline, reason):
                seat, life = self._going(name, "drained")
                self.report.child_stopping(seat, life, action)
                if seat.life is not None:
                    seat.life.ask(reason, deadline)
            case Forget(name):
                if name in self.seats and name not in self.core.slots:  # The name may have been given anew since.
                    self._leave(name)
            case Stuck(name):
                self.report.child_stuck(self.seats[name], self.core.slots[name].life, action)
            case Booted():
                self.report.booted()
                self.task_status.started()
            case Stopping(reason):
                self._stopping(reason)

    def extend(self, life: Life, seconds: float) -> None:
        """
        Take in that the child of this *life* asks for more time.
        """
        self.tell(Extended(life.path.rpartition("/")[2], life.number, seconds))

    def _start(self, seat: Seat, number: int, now: float) -> None:
        seat.began, seat.stop_began, seat.ready, seat.last = now, math.inf, False, None
        self.report.child_starting(seat, number)
        life = Life(seat.path, number, seat.child.runner, seat.cause, owner=self)
        life.listener = lambda: self.tell(Hears(seat.child.name, number))
        if seat.child.rules.beat < math.inf:  # A beat moves nobody, so the loop can sleep on.
            life.pulse = lambda: self.core.take((Beat(seat.child.name, number),), trio.current_time())
        seat.life, scope = life, seat.open_scope()
        if seat.handle is not None:
            note_running(seat.handle)
        spawn = functools.partial(self.nursery.start_soon, name=f"{seat.path}#{number}")
        seat.context.run(spawn, self._host.run, seat, seat.child.recipe, life, scope)

    def _going(self, name: str, how: str) -> tuple[Seat, int]:
        seat = self.seats[name]
        if seat.stop_began == math.inf:
            seat.stop_began, seat.cause = trio.current_time(), self.report.cause if self.core.stopping else seat.cause
        seat.how = how
        seat.stop_probing()
        return seat, 0 if seat.life is None else seat.life.number

    def _ended(self, seat: Seat, action: Judged) -> None:
        self.report.child_ended(seat, action)
        seat.end_life(action)
        if self.core.stopping:
            self.stop_log.ended(seat)

    def _leave(self, name: str) -> None:
        seat = self.seats.pop(name)
        self.report.child_removed(seat)
        seat.abandon()

    def _stopping(self, reason: str) -> None:
        if self.core.end is End.GAVE_UP:
            self.report.gave_up(self.core.culprit, self.core.history)
        self.report.stopping(reason)
        self.stop_log.begin(reason, (seat for seat in self.seats.values() if seat.life is None))
