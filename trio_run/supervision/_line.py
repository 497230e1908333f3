"""
A total order: children come up one after another, and go down in reverse.

Two queues hold it. In the *line* stand children that have to come up in turn; only its head may move. Among the *falls* are
children that have to go down one rank after another, the last started first; nobody in the line moves until they are gone.

Laws: a move costs the children it moves, never a look at all of them. Stops are in reverse start order. A child does not come
up while one that was started before it is still to come.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable

import attrs

from ._facts import Booted
from ._moves import Moves
from ._order import Order
from ._slot import DOWN, STARTING, UP, Slot


@attrs.define(eq=False)
class Line(Order):
    """
    The order of children that come up one after another.
    """

    _line: list[tuple[int, str]] = attrs.field(factory=list)
    _falls: list[tuple[int, int, str]] = attrs.field(factory=list)
    _going: set[str] = attrs.field(factory=set)
    _going_rank: int = 0
    _last: Slot | None = None  # Who came last, there or not: a dict is slow to find its end where much was removed.
    _held_by: Slot | None = None
    _held_from: int = 0

    def restless(self) -> bool:
        """
        Whether `decide` may return anything before the next alarm.
        """
        return bool(self._line or self._falls or self._free or self.out or not self.booted)

    def rest_of(self, slot: Slot) -> list[Slot]:
        """
        Return a child and those that come after it, in start order.
        """
        rest: list[Slot] = []
        for other in reversed(self.slots.values()):
            rest.append(other)
            if other is slot:
                break
        rest.reverse()
        return rest

    def waits_for(self, slot: Slot, other: Slot) -> bool:
        """
        Tell whether *slot*, which is lined, comes up only after *other* did.
        """
        return self.is_lined(other) and slot.order > other.order

    def rearrange(self, names: Iterable[str]) -> None:
        """
        Let the start order begin with *names*; what is not among them keeps its order, and comes last.
        """
        held = next((slot for slot in self.slots.values() if slot.order >= self._held_from), None)
        Order.rearrange(self, names)
        if held is not None:
            self._held_from = held.order
        line = {name for _order, name in self._line}
        self._line = [(slot.order, slot.name) for slot in self.slots.values() if slot.name in line]

    def hold(self, culprit: Slot, first: Slot) -> None:
        """
        Let nobody from *first* on come up before the delay of *culprit* is over.
        """
        self._held_by, self._held_from = culprit, first.order

    def landed(self, slot: Slot) -> None:
        """
        Note that a life is over.
        """
        Moves.landed(self, slot)
        self._going.discard(slot.name)

    def _take_in(self, slot: Slot) -> None:
        slot.rank = slot.order
        last, self._last = self._last, slot
        if last is not None and not self.grouped and slot.stops_beside and last.stops_beside:
            slot.rank = last.rank  # They came in no order that means anything, so they stop side by side.

    def _line_up(self, slot: Slot) -> None:
        heapq.heappush(self._line, (slot.order, slot.name))

    def _line_down(self, slot: Slot) -> None:
        slot.turn = slot.order
        heapq.heappush(self._falls, (-slot.rank, -slot.turn, slot.name))

    def _lower(self, now: float) -> None:
        """
        Ask the last rank of those that have to go; the turn of the next is when all of it is gone.
        """
        while self._falls and (not self._going or -self._falls[0][0] == self._going_rank):
            rank, order, name = heapq.heappop(self._falls)
            slot = self.slots.get(name)
            if slot is None or slot.turn != -order or not slot.doomed:
                continue  # It went by itself while it waited for its turn.
            self._going.add(name)
            self._going_rank = -rank
            if slot.phase is STARTING or slot.phase is UP:
                self.ask(slot, now)

    def _raise(self, now: float) -> None:
        """
        Let the head of the line come up.
        """
        if self._falls or self._going:
            return
        while self._line:
            order, name = self._line[0]
            slot = self.slots.get(name)
            if slot is None or slot.order != order or slot.is_settled or (slot.proven and not self.grouped):
                heapq.heappop(self._line)  # It is where it should be, or moves by itself: nobody waits for it.
                continue
            if slot.phase is DOWN and not self._is_held(order, now) and self.is_due(slot, now):
                self.start(slot, now)
            return
        if not self.booted and not self.closing:
            self.booted = True
            self.out.append(Booted())

    def _is_held(self, order: int, now: float) -> bool:
        by = self._held_by
        if by is None or order < self._held_from:
            return False
        if by.wanted and not self.is_due(by, now):
            return True
        self._held_by = None
        return False
