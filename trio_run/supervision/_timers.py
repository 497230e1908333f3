"""
One timer for each child, and which rings next.

What a ring means is for `_order`.

Laws: setting a timer takes the place of the one before. A child that went down has none.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Iterator

import attrs

from ._slot import Slot


@attrs.define(eq=False)
class Timers:
    """
    The timers of the children of one supervisor.
    """

    _heap: list[tuple[float, int, Slot]] = attrs.field(factory=list)
    _count: Iterator[int] = attrs.field(factory=itertools.count)

    @property
    def next(self) -> float:
        """
        When the next one rings.
        """
        heap = self._heap
        while heap and heap[0][2].alarm != heap[0][0]:  # Set anew since, or not needed any more.
            heapq.heappop(heap)
        return heap[0][0] if heap else math.inf

    def set(self, slot: Slot, when: float) -> None:
        """
        Have the timer of *slot* ring at *when*.
        """
        if when < math.inf and slot.alarm != when:
            slot.alarm = when
            heapq.heappush(self._heap, (when, next(self._count), slot))

    def ring(self, now: float) -> Iterator[Slot]:
        """
        Yield those whose timers ring until *now*, one by one.
        """
        while self.next <= now:
            slot = heapq.heappop(self._heap)[2]
            slot.alarm = math.inf
            yield slot
