"""
The hands of a supervisor: carries out in trio what the core decides.

All children of a supervisor live in one nursery, behind one shield. A cancellation from outside does not reach them by itself:
a sentinel in front of the shield hears it, and has them stopped in order. Nothing is decided here.

Laws: every exit is reported, whatever ended the child. Every shield is lifted in a finally. An error in the control loop ends
the supervisor at once.
"""

from __future__ import annotations

import contextvars
import math
import sys
from typing import Any

import attrs
import trio

from .._handle import Handle, State, make_handle, note_ready, note_running, note_waiting, settle
from .._names import join
from .._stopping import Life, begin_life
from ..errors import EndedBeforeReady, InternalError
from ._child import Child
from ._core import Core
from ._facts import (
    Action,
    Ask,
    Booted,
    Cancel,
    Ending,
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
    Verdict,
)
from ._outcome import ending_of, verdict_on
from ._report import Report, Seat
from ._slot import Admission, End, Phase, Slot


@attrs.define(eq=False)
class Shell:
    """
    One run of a supervisor.
    """

    core: Core
    report: Report
    task_status: trio.TaskStatus[None]
    nursery: trio.Nursery = attrs.field(init=False)
    seats: dict[str, Seat] = attrs.field(factory=dict)
    cancelled: bool = False
    """Whether the run was cancelled from outside."""

    _inbox: list[Fact] = attrs.field(factory=list)
    _numbers: dict[str, int] = attrs.field(factory=dict)
    _lot: trio.lowlevel.ParkingLot = attrs.field(factory=trio.lowlevel.ParkingLot)

    # The control loop.

    @trio.lowlevel.enable_ki_protection
    async def drive(self) -> None:
        """
        Let facts in and carry actions out, until the supervisor has stopped.

        A KeyboardInterrupt can only arrive while nothing is in hand, and is treated like a child that raised it.
        """
        while not self._turn():
            with trio.CancelScope(deadline=self.core.order.alarm) as alarm:
                try:
                    await self._doze(alarm)
                except KeyboardInterrupt as exc:
                    self.core.abort(exc, trio.current_time())

    async def _doze(self, alarm: trio.CancelScope) -> None:
        while True:
            await self._lot.park()
            if self._turn():
                return
            when = self.core.order.alarm
            if when < alarm.deadline:  # noqa: PLR1730 - setting it is dear; it is moved forward only, and rings once too often
                alarm.deadline = when

    def _turn(self) -> bool:
        """
        Take in all facts and make all moves there are; tell whether the supervisor has stopped.
        """
        while True:
            now = trio.current_time()
            facts, self._inbox = self._inbox, []
            if facts:
                self.core.take(facts, now)
                for fact in facts:
                    seat = self.seats.get(fact.name)
                    if seat is not None and seat.changed is not None:
                        _notify(seat)
            for action in self.core.decide(now):
                self._perform(action)
            if not self._inbox:
                return self.core.done

    def tell(self, fact: Fact) -> None:
        """
        Put a fact into the inbox.
        """
        self._inbox.append(fact)
        self.wake()

    def wake(self) -> None:
        """
        Have the control loop look at what has changed.
        """
        self._lot.unpark_all()

    # Orders.

    def admit(self, child: Child, admission: Admission, context: contextvars.Context) -> Seat:
        """
        Take in a child, whose lives begin in *context*.
        """
        self.core.add(child.name, child.restart, child.grace, admission)
        seat = self.seats[child.name] = Seat(child, join(self.core.path, child.name), context)
        self.wake()
        return seat

    def free_name(self, name: str) -> str:
        """
        Return *name*, with a number if there is a child of that name.
        """
        if name not in self.seats:
            return name
        for number in range(self._numbers.get(name, 1) + 1, sys.maxsize):
            numbered = f"{name}-{number}"
            if numbered not in self.seats:
                self._numbers[name] = number
                return numbered
        raise InternalError(f"All names like {name} are taken.")

    def open_handle(self, seat: Seat) -> Handle[Any]:
        """
        Return the handle of a child, a fresh one if the outcome of the last is settled.
        """
        handle = seat.handle
        if handle is None or handle.done:
            handle = seat.handle = make_handle(seat.path, lambda reason: _cancel_life(seat, reason))
        return handle

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
        self.cancelled = not self.core.done
        self.stop(trio.current_time(), "cancelled from outside")

    @staticmethod
    async def wait_down(seat: Seat, slot: Slot) -> None:
        """
        Wait until there is no task of the child.
        """
        while slot.phase is not Phase.DOWN:
            await _change(seat)

    async def wait_up(self, name: str, life: int) -> None:
        """
        Wait until the child *name* is ready in a life after *life*, or rests.
        """
        slot, seat = self.core.slots[name], self.seats[name]
        while (slot.life <= life or slot.phase is not Phase.UP) and (slot.wanted or slot.phase is not Phase.DOWN):
            await _change(seat)

    # Actions.

    def _perform(self, action: Action) -> None:
        match action:
            case Start(name, life):
                self._start(self.seats[name], life)
            case Judged():
                self._judged(self.seats[action.fact.name], action)
            case Cancel(name=name, reason=reason):
                seat, life = self._going(name, "cancelled")
                self.report.child_cancelled(seat, life, action)
                _cancel_life(seat, reason)
            case Ask(name, deadline, reason):
                seat, life = self._going(name, "drained")
                self.report.child_stopping(seat, life, action)
                if seat.life is not None:
                    seat.life.ask(reason, deadline)
            case Scheduled(name, members):
                cause = self.report.scheduled(self.seats[name], self.core.slots[name].life, action)
                for member in members:
                    self.seats[member].cause = cause
            case Forget(name):
                self.report.child_removed(self._leave(name))
            case Stuck(name):
                self.report.child_stuck(self.seats[name], self.core.slots[name].life, action)
            case Booted():
                self.report.booted()
                self.task_status.started()
            case Stopping(reason):
                self._stopping(reason)

    def _start(self, seat: Seat, number: int) -> None:
        name = seat.child.name
        life = Life(seat.path, number, seat.child.runner, listener=lambda: self.tell(Hears(name, number)))
        seat.life, seat.scope, seat.value = life, trio.CancelScope(), None
        seat.began, seat.stop_began = trio.current_time(), math.inf
        self.report.child_starting(seat, number)
        if seat.handle is not None:
            note_running(seat.handle)
        seat.context.run(self._spawn, seat, life)

    def _spawn(self, seat: Seat, life: Life) -> None:
        self.nursery.start_soon(self._host, seat, life, name=f"{seat.path}#{life.number}")

    def _going(self, name: str, how: str) -> tuple[Seat, int]:
        seat = self.seats[name]
        if seat.stop_began == math.inf:
            seat.stop_began, seat.cause = trio.current_time(), self.report.cause if self.core.stopping else seat.cause
        seat.how = how
        return seat, self.core.slots[name].life

    def _judged(self, seat: Seat, action: Judged) -> None:
        fact, verdict = action
        self.report.child_ended(seat, action)
        seat.life = seat.scope = seat.task = None
        value, seat.value = seat.value, None
        handle = seat.handle
        if handle is None:
            pass
        elif verdict is Verdict.RISES:
            note_waiting(handle)
        elif verdict is Verdict.STOPPED:
            settle(handle, State.STOPPED, error=fact.error if fact.ending is Ending.FAILED else None)
        elif fact.ending is Ending.FINISHED and fact.error is None:
            settle(handle, State.FINISHED, value=value)
        elif fact.ending is Ending.CANCELLED:
            settle(handle, State.CANCELLED)
        else:
            settle(handle, State.FAILED, error=fact.error)

    def _leave(self, name: str) -> Seat:
        seat = self.seats.pop(name)
        if seat.handle is not None and not seat.handle.done:
            settle(seat.handle, State.STOPPED)
        _notify(seat)
        return seat

    @staticmethod
    def rest(seat: Seat, slot: Slot) -> None:
        """
        Settle the handle of a child that is down for good, though no life of it just ended.
        """
        if slot.phase is Phase.DOWN and not slot.wanted:
            if seat.handle is not None and not seat.handle.done:
                settle(seat.handle, State.STOPPED)
            _notify(seat)

    def _stopping(self, reason: str) -> None:
        if self.core.end is End.GAVE_UP:
            self.report.gave_up(self.core.culprit, self.core.ledger.history)
        self.report.stopping(reason)

    # One life.

    async def _host(self, seat: Seat, life: Life) -> None:
        """
        Run one life of a child, and report how it ended.
        """
        begin_life(life)
        seat.task = trio.lowlevel.current_task()
        recipe = seat.child.recipe
        status = _Status(self, seat, life.number)
        ending, error = Ending.FATAL, None
        scope = seat.scope or trio.CancelScope()
        try:
            with scope:
                if not recipe.takes_task_status:
                    status.started()
                seat.value = await recipe.begin(status)
        except BaseException as exc:  # Sorted, and passed on where it is not ours to hold.
            ending, error = ending_of(exc, seat.path)
            if error is None:
                raise
        else:
            ending = Ending.CANCELLED if scope.cancelled_caught else Ending.FINISHED
            if ending is Ending.FINISHED and not status.called:
                ending, error = Ending.FAILED, EndedBeforeReady(seat.path)
        finally:
            self.tell(Exited(seat.child.name, life.number, ending, error))

    def ready(self, seat: Seat, life: int, value: object) -> None:
        """
        Note that a child is ready.
        """
        self.report.child_ready(seat, life)
        if seat.handle is not None:
            note_ready(seat.handle, value)
        self.tell(Ready(seat.child.name, life))

    # The end.

    def finish(self) -> BaseException | None:
        """
        Settle what is left open once all children are gone, and return what the run is to raise.
        """
        for name, seat in self.seats.items():
            self.rest(seat, self.core.slots[name])
        self.report.stopped()
        return verdict_on(self.core)


@attrs.define(eq=False)
class _Status:
    """
    The task status that one life is given.
    """

    _shell: Shell
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
        self._shell.ready(self._seat, self._life, value)


def _cancel_life(seat: Seat, reason: str | None) -> None:
    if seat.scope is not None:
        seat.scope.cancel(reason=reason)


async def _change(seat: Seat) -> None:
    """
    Wait until something happens to the child.
    """
    if seat.changed is None:
        seat.changed = trio.Event()
    await seat.changed.wait()


def _notify(seat: Seat) -> None:
    changed, seat.changed = seat.changed, None
    if changed is not None:
        changed.set()
