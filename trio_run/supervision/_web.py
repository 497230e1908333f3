"""
A partial order: each child comes up after those that it names, side by side with all others, and goes down before them.

Who comes after whom is kept in full, across those between, so that the order holds also where one between is down. A child
that has to wait is looked at again when the one that it waits for has moved, and not before.

A child that was added after the start and names nobody is on its own when it comes up, but goes down before those of the
start: it may well use them.

Laws: a move costs the children it moves and those that come directly before or after, never a look at all of them. Stops are
in reverse start order. A child does not come up while one that it comes after is still to come.
"""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from ._facts import Booted
from ._moves import Moves
from ._order import Order
from ._slot import Admission, Phase, Slot
from ._start_order import in_order


@attrs.define(eq=False)
class Web(Order):
    """
    The order of children of which each names those that it comes after.
    """

    whole: bool = attrs.field(kw_only=True)
    """Whether all siblings go down and come up together."""

    _before: dict[str, dict[str, None]] = attrs.field(factory=dict)
    _behind: dict[str, dict[str, None]] = attrs.field(factory=dict)
    # These two are in order, which that of the events comes from; a set has another one in each process.
    _rising: dict[str, Slot] = attrs.field(factory=dict)
    _looks: list[Slot] = attrs.field(factory=list)
    _waiting: dict[str, list[Slot]] = attrs.field(factory=dict)  # By whom they wait for.
    _unbooted: set[str] = attrs.field(factory=set)
    _falling: dict[str, Slot] = attrs.field(factory=dict)
    _sinks: list[Slot] = attrs.field(factory=list)
    _above: dict[str, int] = attrs.field(factory=dict)  # How many of those behind it are still falling.
    _late: set[str] = attrs.field(factory=set)  # Who is falling that came after the start, and names nobody.
    _held_by: Slot | None = None

    def restless(self) -> bool:
        """
        Whether `decide` may return anything before the next alarm.
        """
        return bool(self._looks or self._sinks or self._free or self.out or not self.booted)

    def rest_of(self, slot: Slot) -> list[Slot]:
        """
        Return a child and those that come after it, in start order.
        """
        rest = [slot, *(self.slots[name] for name in self._behind[slot.name])]
        rest.sort(key=lambda each: each.order)
        return rest

    def waits_for(self, slot: Slot, other: Slot) -> bool:
        """
        Tell whether *slot*, which is lined, comes up only after *other* did.
        """
        return slot.name in self._behind.get(other.name, ())

    def rearrange(self, names: Iterable[str]) -> None:
        """
        Let the start order begin with *names*, as far as who comes after whom allows, and note that anew.
        """
        names = list(names)
        names += [name for name in self.slots if name not in set(names)]
        self._before.clear()
        self._behind.clear()
        self._above.clear()
        self._late.clear()
        after = {name: self.slots[name].rules.after or () for name in names}
        Order.rearrange(self, in_order({name: [each for each in after[name] if each in after] for name in names}))
        for slot in self._falling.values():
            self._count_fall(slot, 1)
        self._sinks += self._falling.values()
        self._looks += self._rising.values()

    def hold(self, culprit: Slot, first: Slot) -> None:
        """
        Let nobody come up before the delay of *culprit* is over, where all come up together; else they wait for it anyway.
        """
        del first
        self._held_by = culprit if self.whole else None

    def rise(self, slot: Slot) -> None:
        """
        Let a child come up whose delay is over.
        """
        Order.rise(self, slot)
        self._looks.append(slot)
        self._release(slot)

    def settled(self, slot: Slot) -> None:
        """
        Note that nobody has to wait for a child any more: it is ready, or stays down.
        """
        self._unbooted.discard(slot.name)
        self._looks += self._waiting.pop(slot.name, ())
        self._release(slot)

    def forget(self, slot: Slot) -> None:
        """
        Drop a child that is down.
        """
        Order.forget(self, slot)
        for name in self._before.pop(slot.name):
            self._behind[name].pop(slot.name, None)
        for name in self._behind.pop(slot.name):
            self._before[name].pop(slot.name, None)
        self._above.pop(slot.name, None)

    def landed(self, slot: Slot) -> None:
        """
        Note that a life is over.
        """
        Moves.landed(self, slot)
        if self._falling.pop(slot.name, None) is not None:
            self._count_fall(slot, -1)
            if self.whole and not self._falling:
                self._looks += self._rising.values()

    def _take_in(self, slot: Slot) -> None:
        before: dict[str, None] = {}
        for name in slot.rules.after or ():
            if name in self._before:  # It may have been removed since.
                before |= {name: None} | self._before[name]
        self._before[slot.name], self._behind[slot.name] = before, {}
        for name in before:
            self._behind[name][slot.name] = None
        if slot.admission is Admission.BOOT and not (slot.proven or slot.is_settled):  # It may be in another place now.
            self._unbooted.add(slot.name)

    def _line_up(self, slot: Slot) -> None:
        self._rising[slot.name] = slot
        self._looks.append(slot)

    def _line_down(self, slot: Slot) -> None:
        if slot.name not in self._falling:
            self._falling[slot.name] = slot
            self._count_fall(slot, 1)
        self._sinks.append(slot)

    def _count_fall(self, slot: Slot, step: int) -> None:
        """
        Note that a child begins to fall, or is down: those before it may have to wait for that.
        """
        for name in self._before[slot.name]:
            self._above[name] = self._above.get(name, 0) + step
            if not self._above[name]:
                self._look_again(name)
        if step > 0 and _is_late(slot) and not self._behind[slot.name]:  # Or those behind it would wait for it.
            self._late.add(slot.name)
        elif step < 0 and slot.name in self._late:  # Its rules may be others by now.
            self._late.remove(slot.name)
            if not self._late:
                self._sinks += self._falling.values()

    def _look_again(self, name: str) -> None:
        for where, looks in ((self._falling, self._sinks), (self._rising, self._looks)):
            slot = where.get(name)
            if slot is not None:
                looks.append(slot)

    def _lower(self, now: float) -> None:
        """
        Ask those that have to go, and that nobody is behind any more who has to go too.
        """
        sinks, self._sinks = self._sinks, []
        for slot in sinks:
            if self._falling.get(slot.name) is not slot or self._above.get(slot.name):
                continue
            if self._late and slot.admission in _PLANNED:
                continue
            if slot.phase is Phase.STARTING or slot.phase is Phase.UP:
                self.ask(slot, now)

    def _raise(self, now: float) -> None:
        """
        Let those come up that wait for nobody.
        """
        while self._looks:
            slot = self._looks.pop()
            if self._rising.get(slot.name) is not slot:
                continue
            if slot.phase is not Phase.DOWN or not slot.wanted:
                del self._rising[slot.name]
            elif self._may_rise(slot, now):
                del self._rising[slot.name]
                self.start(slot, now)
        if not self.booted and not self.closing and not self._unbooted:
            self.booted = True
            self.out.append(Booted())

    def _may_rise(self, slot: Slot, now: float) -> bool:
        """
        Tell whether a child may come up; if not, see to it that it is looked at again in time.
        """
        if self._above.get(slot.name) or (self.whole and self._falling):
            return False
        for name in self._before[slot.name]:
            other = self.slots[name]
            if not other.is_settled and (self.grouped or not other.proven):
                self._waiting.setdefault(name, []).append(slot)
                return False
        return not self._is_held(now) and self.is_due(slot, now)

    def _is_held(self, now: float) -> bool:
        by = self._held_by
        if by is None:
            return False
        if by.wanted and not self.is_due(by, now):
            return True
        self._held_by = None
        self._looks += self._rising.values()
        return False

    def _release(self, slot: Slot) -> None:
        """
        Have all looked at that were held because of *slot*.
        """
        if self._held_by is slot:
            self._looks += self._rising.values()


_PLANNED = frozenset({Admission.BOOT, Admission.PLAN})


def _is_late(slot: Slot) -> bool:
    return slot.admission not in _PLANNED and slot.rules.after is None
