"""
The hands of a supervisor: carries out in trio what the core decides.

All children of a supervisor live in one nursery, behind one shield. A cancellation from outside does not reach them by itself:
a sentinel in front of the shield hears it, and has them stopped in order. Nothing is decided here.

Laws: every exit is reported, whatever ended the child. Every shield is lifted in a finally. An error in the control loop ends
the supervisor at once.
"""

from __future__ import annotations

import contextvars
import functools
import math

import attrs
import trio

from .._handle import note_running
from .._names import join
from .._stopping import Life
from ._child import Child
from ._core import Core
from ._exits import StopReport
from ._facts import (
    Action,
    Ask,
    Beat,
    Booted,
    Cancel,
    Exited,
    Fact,
    Forget,
    Hears,
    Judged,
    Ready,
    Scheduled,
    Start,
    Stopping,
    Stuck,
)
from ._host import Host
from ._outcome import verdict_on
from ._probing import start_probing
from ._report import Report
from ._seat import Seat, Seats
from ._sleeper import Sleeper
from ._slot import Admission, End
from ._stop_log import StopLog


@attrs.define(eq=False)
class Shell:
    """
    One run of a supervisor.
    """

    core: Core
    report: Report
    task_status: trio.TaskStatus[None]
    nursery: trio.Nursery = attrs.field(init=False)
    seats: Seats = attrs.field(factory=Seats)
    above: Life | None = None  # What the supervisor runs in.
    task: trio.lowlevel.Task | None = None  # Which runs the supervisor.
    cancelled: bool = False
    """Whether the supervisor stops since it was cancelled from outside."""

    token: trio.lowlevel.TrioToken = attrs.field(factory=trio.lowlevel.current_trio_token)
    over: trio.Event = attrs.field(factory=trio.Event)  # Set when the run is over, however it ended.
    stop_report: StopReport | None = None  # There once all children are gone.
    _host: Host = attrs.field(init=False)
    _inbox: list[Exited] = attrs.field(factory=list)
    _alarm: float = math.inf  # When the control loop looks up by itself.
    stop_log: StopLog = attrs.field(factory=StopLog)
    _sleeper: Sleeper = attrs.field(factory=Sleeper)

    def __attrs_post_init__(self) -> None:
        self._host = Host(self.tell, self.report)

    # The control loop.

    @trio.lowlevel.enable_ki_protection
    async def drive(self) -> None:
        """
        Let facts in and carry actions out, until the supervisor has stopped.

        A KeyboardInterrupt can only arrive while nothing is in hand, and is treated like a child that raised it.
        """
        self.task = trio.lowlevel.current_task()
        while not self._turn():
            self._alarm = self.core.order.alarm
            with trio.CancelScope(deadline=self._alarm) as alarm:
                try:
                    await self._doze(alarm)
                except KeyboardInterrupt as exc:
                    self.abort(exc)

    async def _doze(self, alarm: trio.CancelScope) -> None:
        while True:
            await self._sleeper.sleep()
            if self._turn():
                return
            when = self.core.order.alarm
            if when < self._alarm:  # Setting it is dear; it is moved forward only, and rings once too often.
                alarm.deadline = self._alarm = when

    def _turn(self) -> bool:
        """
        Take in all exits and make all moves there are; tell whether the supervisor has stopped.
        """
        while True:
            now = trio.current_time()
            exits, self._inbox = self._inbox, []
            if exits:
                self.core.take(exits, now)
            for action in self.core.decide(now):
                self._perform(action, now)
            for fact in exits:
                seat = self.seats.get(fact.name)
                if seat is not None:
                    seat.notify()
            if not self._inbox:
                return self.core.done

    def tell(self, fact: Fact) -> None:
        """
        Take in a fact: an exit in the next turn, with the others of its moment, and all else at once.
        """
        if isinstance(fact, Exited):
            self._inbox.append(fact)
        else:
            self.core.take((fact,), trio.current_time())
            seat = self.seats.get(fact.name)
            if seat is not None:  # A task may outlive its life, in a nursery of its own choosing, and the child.
                seat.notify()
                if seat.child.probe is not None and isinstance(fact, Ready):
                    start_probing(self.nursery, seat, fact.life, self.tell, self.abort)
        if self._inbox or self.core.restless() or self.core.order.alarm < self._alarm:
            self.wake()

    def abort(self, error: BaseException) -> None:
        """
        Have the supervisor stop without grace, because of an *error* that is nobody's.
        """
        self.core.abort(error, trio.current_time())
        self.wake()

    def wake(self) -> None:
        """
        Have the control loop look at what has changed.
        """
        self._sleeper.wake()

    def admit(self, child: Child, admission: Admission, context: contextvars.Context) -> Seat:
        """
        Take in a child, whose lives begin in *context*.
        """
        self.core.add(child.name, child.rules, admission)
        if child.name in self.seats:
            self._leave(child.name)  # Its slot is gone, and the word of that still to come.
        seat = self.seats[child.name] = Seat(child, join(self.core.path, child.name), context)
        self.wake()
        return seat

    def stop(self, deadline: float, reason: str) -> None:
        """
        Have the supervisor stop until *deadline* at the latest.
        """
        self.core.stop(End.ASKED, deadline, reason)
        self.wake()

    def stop_at_once(self) -> None:
        """
        Have the supervisor stop without grace, since it was cancelled from outside.
        """
        self.cancelled = self.cancelled or not self.core.stopping
        self.stop(trio.current_time(), "cancelled from outside")

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

    # The end.

    def finish(self) -> BaseException | None:
        """
        Tell that all children are gone, and return what the run is to raise.
        """
        self.stop_report = self.stop_log.report(self.core.path, trio.current_time() - self.report.began)
        self.report.stopped(self.stop_report)
        return verdict_on(self.core)
