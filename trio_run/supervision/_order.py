"""
In which order, and when, children come up and go down: what both kinds of order have in common.

Children that depend on each other come up in their turn, and so do those of the start; who does not moves at once, or when
its delay is over. Whose turn it is depends on the kind: in a `Line` one after another, in a `Web` each after those that it
names. Which children should be up is for `_core`. Here is no task, clock or chance: *now* is an argument.

Laws: a move costs the children it moves, never a look at all of them. Stops are in reverse start order. A child does not come
up while one that it comes after is still to come.
"""

from __future__ import annotations

import abc
from collections.abc import Iterable

import attrs

from ._facts import Action
from ._moves import Moves
from ._slot import DOWN, Admission, Slot


@attrs.define(eq=False)
class Order(Moves, abc.ABC):
    """
    The queues and timers of one run of a supervisor.
    """

    grouped: bool = attrs.field(kw_only=True)
    """Whether siblings depend on each other, so that all come up in their turn."""

    booted: bool = False
    closing: bool = False  # Nothing comes up any more.
    _count: int = 0
    _free: list[Slot] = attrs.field(factory=list)

    def decide(self, now: float) -> list[Action]:
        """
        Compare what is with what is wanted, and return the next moves.
        """
        self._lower(now)
        self._raise(now)
        if self._free:
            free, self._free = self._free, []
            for slot in free:
                if slot.wanted and slot.phase is DOWN and self.is_due(slot, now):
                    self.start(slot, now)
        out, self.out = self.out, []
        return out

    @abc.abstractmethod
    def restless(self) -> bool:
        """
        Whether `decide` may return anything before the next alarm.
        """

    # What the core asks for.

    def admit(self, slot: Slot) -> None:
        """
        Take in a child, last in the order.
        """
        self._append(slot)
        self.queue(slot)

    def rearrange(self, names: Iterable[str]) -> None:
        """
        Let the start order begin with *names*; what is not among them keeps its order, and comes last.
        """
        arranged = [self.slots.pop(name) for name in names]
        arranged += self.slots.values()
        self.slots.clear()
        for slot in arranged:
            self._append(slot)

    def _append(self, slot: Slot) -> None:
        self._count += 1
        slot.order = self._count
        self._take_in(slot)
        self.slots[slot.name] = slot

    def queue(self, slot: Slot) -> None:
        """
        Let a child that is down and wanted come up as soon as it may.
        """
        if self.is_lined(slot):
            self._line_up(slot)
        else:
            self._free.append(slot)

    def rise(self, slot: Slot) -> None:
        """
        Let a child come up whose delay is over.
        """
        if not self.grouped:
            self._free.append(slot)

    def settled(self, slot: Slot) -> None:
        """
        Note that nobody has to wait for a child any more: it is ready, or stays down.
        """

    def forget(self, slot: Slot) -> None:
        """
        Drop a child that is down.
        """
        del self.slots[slot.name]

    def dismiss(self, slot: Slot, now: float, reason: str) -> None:
        """
        Have a child go down now, out of turn.
        """
        slot.fault = None
        if not slot.doomed:
            slot.doomed, slot.reason = True, reason
            self.ask(slot, now)

    def doom(self, slot: Slot, reason: str) -> None:
        """
        Have a child go down in its turn.
        """
        slot.fault = None
        if not slot.doomed:
            slot.doomed, slot.reason = True, reason
        self._line_down(slot)

    def is_lined(self, slot: Slot) -> bool:
        """
        Tell whether a child comes up in its turn only.
        """
        if self.grouped or slot.proven:
            return self.grouped
        return slot.admission is Admission.PLAN or (slot.admission is Admission.BOOT and not self.booted)

    # What depends on the kind.

    @abc.abstractmethod
    def rest_of(self, slot: Slot) -> list[Slot]:
        """
        Return a child and those that come after it, in start order.
        """

    @abc.abstractmethod
    def waits_for(self, slot: Slot, other: Slot) -> bool:
        """
        Tell whether *slot*, which is lined, comes up only after *other* did.
        """

    @abc.abstractmethod
    def hold(self, culprit: Slot, first: Slot) -> None:
        """
        Let nobody from *first* on come up before the delay of *culprit* is over.
        """

    @abc.abstractmethod
    def _take_in(self, slot: Slot) -> None: ...

    @abc.abstractmethod
    def _line_up(self, slot: Slot) -> None: ...

    @abc.abstractmethod
    def _line_down(self, slot: Slot) -> None: ...

    @abc.abstractmethod
    def _lower(self, now: float) -> None: ...

    @abc.abstractmethod
    def _raise(self, now: float) -> None: ...
