"""
The least schedule that still fails.

Fewer choices other than the default are less to understand. What a choice is about, and what failing means, is not known here.

Laws: what comes out fails. It never has more choices other than the default than what went in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import attrs

Choices = tuple[int, ...]


def shrink(choices: Sequence[int], fails: Callable[[Choices], bool], budget: int = 300) -> Choices:
    """
    Return the least of the schedules below *choices* that were tried and failed.

    Tries to leave parts of it out, halves first, as delta debugging does (Zeller and Hildebrandt, 2002).

    Args:
        choices: A schedule that fails.
        fails: Runs a schedule and tells whether it fails.
        budget: How often *fails* is asked at the most.
    """
    length = max((place for place, choice in enumerate(choices, 1) if choice), default=0)
    best = _Best(tuple(choices[:length]), fails, budget)  # What follows are defaults anyway.
    best.cut_end()
    while best.leave_out() or best.lower():
        pass
    return best.choices


@attrs.define
class _Best:
    """
    The least that was found so far.
    """

    choices: Choices
    fails: Callable[[Choices], bool]
    budget: int

    def cut_end(self) -> None:
        """
        Find by halving how much of the end can go.
        """
        low, high = 0, len(self.choices)
        while low < high:
            middle = (low + high) // 2
            if self.improves(self.choices[:middle]):
                high = middle
            else:
                low = middle + 1

    def leave_out(self) -> bool:
        """
        Put defaults in the place of other choices, many at a time and then fewer; tell whether that could be done.
        """
        before = self.choices
        size = max(1, len(self.others()) // 2)
        while size:
            start = 0
            while start < len(places := self.others()):
                if not self.improves(self.with_defaults_at(places[start : start + size])):
                    start += size
            size //= 2
        return self.choices != before

    def lower(self) -> bool:
        """
        Put lower choices in the place of higher ones; tell whether that could be done.
        """
        before = self.choices
        for place in self.others():
            for lower in range(1, self.choices[place]):
                if self.improves((*self.choices[:place], lower, *self.choices[place + 1 :])):
                    break
        return self.choices != before

    def others(self) -> list[int]:
        """
        Where the choice is not the default.
        """
        return [place for place, choice in enumerate(self.choices) if choice]

    def with_defaults_at(self, places: Sequence[int]) -> Choices:
        """
        The choices, with the default at *places*.
        """
        return tuple(self._defaulted(frozenset(places)))

    def _defaulted(self, places: frozenset[int]) -> Iterator[int]:
        for place, choice in enumerate(self.choices):
            yield 0 if place in places else choice

    def improves(self, choices: Choices) -> bool:
        """
        Try *choices*, and keep them if they fail.
        """
        if self.budget <= 0:
            return False
        self.budget -= 1
        if not self.fails(choices):
            return False
        self.choices = choices
        return True
