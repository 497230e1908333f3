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

# pyright: reportPrivateUsage=false
# The functions below the class are as near to it as its methods.
import heapq
from collections.abc import Iterable

import attrs

from ._facts import Action, Booted
from ._moves import Moves
from ._slot import Admission, Phase, Slot


@attrs.define(eq=False)
class Order(Moves):
    """
    The queues and timers of one run of a supervisor.
    """

    grouped: bool = attrs.field(kw_only=True)
    """Whether siblings depend on each other, so that all come up in a line."""

    booted: bool = False
    closing: bool = False  # Nothing comes up any more.
    _count: int = 0
    _line: list[tuple[int, str]] = attrs.field(factory=list)
    _falls: list[tuple[int, int, str]] = attrs.field(factory=list)
    _free: list[Slot] = attrs.field(factory=list)
    _going: set[str] = attrs.field(factory=set)
    _going_rank: int = 0
    _held_by: Slot | None = None
    _held_from: int = 0

    def decide(self, now: float) -> list[Action]:
        """
        Compare what is with what is wanted, and return the next moves.
        """
        if self._falls:
            self._lower(now)
        if not self._falls and not self._going and (self._line or not self.booted):
            self._raise(now)
        if self._free:
            free, self._free = self._free, []
            for slot in free:
                if slot.wanted and slot.phase is Phase.DOWN and self.is_due(slot, now):
                    self.start(slot, now)
        out, self.out = self.out, []
        return out

    # What the core asks for.

    def admit(self, slot: Slot) -> None:
        """
        Take in a child, last in the order.
        """
        self.append(slot)
        self.queue(slot)

    def append(self, slot: Slot) -> None:
        """
        Put a child last in the order.
        """
        last = next(reversed(self.slots.values()), None)
        self._count += 1
        slot.order = slot.rank = self._count
        if last is not None and not self.grouped and slot.comes_and_goes and last.comes_and_goes:
            slot.rank = last.rank  # They came in no order that means anything, so they stop side by side.
        self.slots[slot.name] = slot

    def queue(self, slot: Slot) -> None:
        """
        Let a child that is down and wanted come up as soon as it may.
        """
        if is_lined(self, slot):
            heapq.heappush(self._line, (slot.order, slot.name))
        else:
            self._free.append(slot)

    def rise(self, slot: Slot) -> None:
        """
        Let a child come up whose delay is over; who stands in the line is looked at anyway.
        """
        if not self.grouped:
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
        slot.fault = None
        if not slot.doomed:
            slot.doomed, slot.reason = True, reason
        slot.turn = slot.order
        heapq.heappush(self._falls, (-slot.rank, -slot.turn, slot.name))

    def dismiss(self, slot: Slot, now: float, reason: str) -> None:
        """
        Have a child go down now, out of turn.
        """
        slot.fault = None
        if not slot.doomed:
            slot.doomed, slot.reason = True, reason
            self.ask(slot, now)

    def landed(self, slot: Slot) -> None:
        """
        Note that a life is over.
        """
        Moves.landed(self, slot)
        self._going.discard(slot.name)

    # What follows from it.

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
            if slot.phase is Phase.STARTING or slot.phase is Phase.UP:
                self.ask(slot, now)

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
            if slot.phase is Phase.DOWN and not self._is_held(order, now) and self.is_due(slot, now):
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


def is_lined(order: Order, slot: Slot) -> bool:
    """
    Tell whether a child comes up in its turn only.
    """
    if order.grouped or slot.proven:
        return order.grouped
    return slot.admission is Admission.PLAN or (slot.admission is Admission.BOOT and not order.booted)


def rearrange(order: Order, names: Iterable[str]) -> None:
    """
    Let the start order begin with *names*; what is not among them keeps its order, and comes last.
    """
    slots, held = order.slots, order._held_from  # noqa: SLF001
    first = next((slot for slot in slots.values() if slot.order >= held), None)
    arranged = [slots.pop(name) for name in names]
    arranged += slots.values()
    slots.clear()
    for slot in arranged:
        order.append(slot)
    order._held_from = held if first is None else first.order  # noqa: SLF001
    line = {name for _order, name in order._line}  # noqa: SLF001
    order._line = [(slot.order, slot.name) for slot in arranged if slot.name in line]  # noqa: SLF001
