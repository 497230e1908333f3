"""
One run of a supervisor: its control loop, and what reaches it.

All children of a supervisor live in one nursery, behind one shield. A cancellation from outside does not reach them by itself:
a sentinel in front of the shield hears it, and has them stopped in order. Nothing is decided here, and how a move is carried
out is for `_hands`.

One task, the control loop, judges exits and looks after what is due. Moves that an order asks for are made by whoever gives
it, while the loop sleeps.

Laws: every exit is reported, whatever ended the child. Every shield is lifted in a finally. An error in the control loop ends
the supervisor at once.
"""

from __future__ import annotations

import contextvars
import math

import attrs
import trio

from .._names import join
from .._stopping import Life
from ._child import Child
from ._exits import StopReport
from ._facts import Exited, Fact, Ready
from ._hands import Hands
from ._outcome import verdict_on
from ._probing import start_probing
from ._seat import Seat
from ._sleeper import Sleeper
from ._slot import Admission, End


@attrs.define(eq=False)
class Shell(Hands):
    """
    One run of a supervisor.
    """

    above: Life | None = None  # What the supervisor runs in.
    task: trio.lowlevel.Task | None = None  # Which runs the supervisor.
    cancelled: bool = False
    """Whether the supervisor stops since it was cancelled from outside."""

    token: trio.lowlevel.TrioToken = attrs.field(factory=trio.lowlevel.current_trio_token)
    over: trio.Event = attrs.field(factory=trio.Event)  # Set when the run is over, however it ended.
    stop_report: StopReport | None = None  # There once all children are gone.
    _inbox: list[Exited] = attrs.field(factory=list)
    _alarm: float = math.inf  # When the control loop looks up by itself.
    _sleeper: Sleeper = attrs.field(factory=Sleeper)

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
            self._move(now)
            for fact in exits:
                seat = self.seats.get(fact.name)
                if seat is not None:
                    seat.notify()
            if not self._inbox:
                return self.core.done

    def _move(self, now: float) -> None:
        for action in self.core.decide(now):
            self._perform(action, now)

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

    @trio.lowlevel.enable_ki_protection
    def act(self) -> None:
        """
        Make the moves that an order asks for: at once, unless the control loop is about to look anyway.

        So nobody waits for another task to carry out an order. Exits of this moment come first, and are for the loop.
        """
        if self._inbox or not self._sleeper.asleep:
            self.wake()
            return
        try:
            self._move(trio.current_time())
        except BaseException as exc:  # noqa: BLE001 - the control loop raises it
            self._sleeper.wake(exc)
        if self.core.order.alarm < self._alarm:
            self.wake()

    @trio.lowlevel.enable_ki_protection
    def admit(self, child: Child, admission: Admission, context: contextvars.Context) -> Seat:
        """
        Take in a child, whose lives begin in *context*.
        """
        self.core.add(child.name, child.rules, admission)
        if child.name in self.seats:
            self._leave(child.name)  # Its slot is gone, and the word of that still to come.
        seat = self.seats[child.name] = Seat(child, join(self.core.path, child.name), context)
        return seat

    def stop(self, deadline: float, reason: str) -> None:
        """
        Have the supervisor stop until *deadline* at the latest.
        """
        self.core.stop(End.ASKED, deadline, reason)
        self.wake()

    def stop_cancelled(self, grace: float) -> None:
        """
        Have the supervisor stop in *grace* seconds, since it was cancelled from outside.
        """
        self.cancelled = self.cancelled or not self.core.stopping
        self.stop(trio.current_time() + grace, "cancelled from outside")

    # The end.

    def finish(self) -> BaseException | None:
        """
        Tell that all children are gone, and return what the run is to raise.
        """
        self.stop_report = self.stop_log.report(self.core.path, trio.current_time() - self.report.began)
        self.report.stopped(self.stop_report)
        return verdict_on(self.core)
