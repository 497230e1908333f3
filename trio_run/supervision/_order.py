"""
In which order, and when, children come up and go down.

Two queues hold the order. In the *line* stand children that have to come up one after another: those of the start, and under
ONE_FOR_ALL and REST_FOR_ONE all. Only its head may move. Among the *falls* are children that have to go down one rank after
another, the last started first; nobody in the line moves until they are gone. Who stands in neither moves at once, or when
its delay is over.

Which children should be up is for `_core`. Here is no task, clock or chance: *now* is an argument.

Laws: a move costs the children it moves, never a look at all of them. Stops are in reverse start order. A child does not come
up while one that was started before it is still to come.
"""

from __future__ import annotations

import heapq
import math

import attrs

from ._facts import Action, Ask, Booted, Cancel, Start, Stuck
from ._slot import Admission, Phase, Slot
from ._timers import Timers

STUCK_EVERY = 10.0
"""A child that was cancelled and is still there is reported every so many seconds."""


@attrs.define(eq=False)
class Order:
    """
    The queues and timers of one run of a supervisor.
    """

    grouped: bool
    """Whether siblings depend on each other, so that all come up in a line."""

    slots: dict[str, Slot] = attrs.field(factory=dict)
    booted: bool = False
    closing: bool = False  # Nothing comes up any more.
    limit: float = math.inf  # No stop lasts longer than this, whatever the graces.
    live: int = 0
    out: list[Action] = attrs.field(factory=list)
    _count: int = 0
    _line: list[tuple[int, str]] = attrs.field(factory=list)
    _falls: list[tuple[int, int, str]] = attrs.field(factory=list)
    _going: set[str] = attrs.field(factory=set)
    _going_rank: int = 0
    _free: list[Slot] = attrs.field(factory=list)
    _held_by: Slot | None = None
    _held_from: int = 0
    _timers: Timers = attrs.field(factory=Timers)

    @property
    def alarm(self) -> float:
        """
        When `decide` has to be asked again, if nothing happens before.
        """
        return self._timers.next

    def decide(self, now: float) -> list[Action]:
        """
        Compare what is with what is wanted, and return the next moves.
        """
        if self.alarm <= now:
            self._ring(now)
        if self._falls:
            self._lower(now)
        if not self._falls and not self._going and (self._line or not self.booted):
            self._raise(now)
        if self._free:
            free, self._free = self._free, []
            for slot in free:
                if slot.wanted and slot.phase is Phase.DOWN and self._is_due(slot, now):
                    self._start(slot)
        out, self.out = self.out, []
        return out

    # What the core asks for.

    def admit(self, slot: Slot) -> None:
        """
        Take in a child, last in the order.
        """
        last = next(reversed(self.slots.values()), None)
        self._count += 1
        slot.order = slot.rank = self._count
        if last is not None and not self.grouped and slot.comes_and_goes and last.comes_and_goes:
            slot.rank = last.rank  # They came in no order that means anything, so they stop side by side.
        self.slots[slot.name] = slot
        self.queue(slot)

    def queue(self, slot: Slot) -> None:
        """
        Let a child that is down and wanted come up as soon as it may.
        """
        if is_lined(self, slot):
            heapq.heappush(self._line, (slot.order, slot.name))
        else:
            self._free.append(slot)

    def hold(self, culprit: Slot, first: Slot) -> None:
        """
        Let nobody from *first* on come up before the delay of *culprit* is over.
        """
        self._held_by, self._held_from = culprit, first.order

    def doom(self, slot: Slot, reason: str) -> None:
        """
        Have a child go down in its turn.
        """
        if not slot.doomed:
            slot.doomed, slot.reason = True, reason
        heapq.heappush(self._falls, (-slot.rank, -slot.order, slot.name))

    def dismiss(self, slot: Slot, now: float, reason: str) -> None:
        """
        Have a child go down now, out of turn.
        """
        if not slot.doomed:
            slot.doomed, slot.reason = True, reason
            self._ask(slot, now)

    def shorten(self, limit: float) -> None:
        """
        Let no stop last longer than until *limit*, those under way included.
        """
        if limit >= self.limit:
            return
        self.limit = limit
        for slot in self.slots.values():
            if slot.phase is Phase.STOPPING and slot.deadline > limit:
                slot.deadline, slot.hurried = limit, True
                self._timers.set(slot, limit)

    def landed(self, slot: Slot) -> None:
        """
        Note that a life is over.
        """
        slot.land()
        self.live -= 1
        self._going.discard(slot.name)

    # What follows from it.

    def _ring(self, now: float) -> None:
        for slot in self._timers.ring(now):
            if slot.phase is Phase.STOPPING:
                self._kill(slot, now, None if slot.hurried else now - slot.since)
            elif slot.phase is Phase.KILLING:
                self.out.append(Stuck(slot.name, now - slot.since))
                self._timers.set(slot, now + STUCK_EVERY)
            elif slot.phase is Phase.DOWN and not self.grouped:
                self._free.append(slot)

    def _lower(self, now: float) -> None:
        """
        Ask the last rank of those that have to go; the turn of the next is when all of it is gone.
        """
        while self._falls and (not self._going or -self._falls[0][0] == self._going_rank):
            rank, order, name = heapq.heappop(self._falls)
            slot = self.slots.get(name)
            if slot is None or slot.order != -order or not slot.doomed:
                continue  # It went by itself while it waited for its turn.
            self._going.add(name)
            self._going_rank = -rank
            if slot.phase is Phase.STARTING or slot.phase is Phase.UP:
                self._ask(slot, now)

    def _raise(self, now: float) -> None:
        """
        Let the head of the line come up.
        """
        while self._line:
            order, name = self._line[0]
            slot = self.slots.get(name)
            if slot is None or slot.order != order or slot.is_settled or (slot.proven and not self.grouped):
                heapq.heappop(self._line)  # It is where it should be, or moves by itself: nobody waits for it.
                continue
            if slot.phase is Phase.DOWN and not self._is_held(order, now):
                self._start(slot)
            return
        if not self.booted and not self.closing:
            self.booted = True
            self.out.append(Booted())

    def _is_held(self, order: int, now: float) -> bool:
        by = self._held_by
        if by is None or order < self._held_from:
            return False
        if by.wanted and not self._is_due(by, now):
            return True
        self._held_by = None
        return False

    def _is_due(self, slot: Slot, now: float) -> bool:
        """
        Tell whether the delay of *slot* is over, and set a timer if it is not.
        """
        if slot.pause is not None:  # It runs from when all that had to go down is down.
            slot.due, slot.pause = now + slot.pause, None
        if slot.due <= now:
            return True
        self._timers.set(slot, slot.due)
        return False

    def _start(self, slot: Slot) -> None:
        slot.phase = Phase.STARTING
        slot.life += 1
        slot.ready_at, slot.due = math.inf, -math.inf
        self.live += 1
        self.out.append(Start(slot.name, slot.life))

    def _ask(self, slot: Slot, now: float) -> None:
        slot.since, slot.deadline, slot.hurried = now, min(now + slot.grace, self.limit), False
        if not slot.hears or slot.deadline <= now:
            self._kill(slot, now, None)
            return
        slot.phase = Phase.STOPPING
        self.out.append(Ask(slot.name, slot.deadline, slot.reason))
        self._timers.set(slot, slot.deadline)

    def _kill(self, slot: Slot, now: float, grace: float | None) -> None:
        slot.phase, slot.since = Phase.KILLING, now
        self.out.append(Cancel(slot.name, grace, slot.reason))
        self._timers.set(slot, now + STUCK_EVERY)


def is_lined(order: Order, slot: Slot) -> bool:
    """
    Tell whether a child comes up in its turn only.
    """
    return order.grouped or (slot.admission is Admission.BOOT and not order.booted and not slot.proven)
