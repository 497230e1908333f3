"""
The choosers: ways to make up a schedule as it goes.

Each makes one schedule. Which of them to use next, and what to learn from a run, is for the search.

Laws: the same chooser made twice chooses the same. A chooser that runs out of what it was told goes on with defaults.
"""

from __future__ import annotations

import random
from collections.abc import Hashable, Sequence

import attrs

CHANCE = 0.15
"""
How often a chooser by chance has something happen that need not.
"""


@attrs.define(eq=False)
class Told:
    """
    Makes the choices it is told, then the default ones: a replay, or the default schedule if it is told nothing.

    A choice that is out of range, since the program has changed or other choices before it have, means the last candidate.
    """

    choices: Sequence[int] = ()
    _next: int = 0

    def pick(self, candidates: Sequence[Hashable]) -> int:
        """
        Return the next choice.
        """
        return min(self._choice(), len(candidates) - 1)

    def happens(self) -> bool:
        """
        Tell whether the next choice is not the default.
        """
        return self._choice() > 0

    def _choice(self) -> int:
        place, self._next = self._next, self._next + 1
        return self.choices[place] if place < len(self.choices) else 0


class ByChance:
    """
    Makes every choice by chance, all candidates alike.
    """

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - no secret

    def pick(self, candidates: Sequence[Hashable]) -> int:
        """
        Return any place.
        """
        return int(self._random.random() * len(candidates))

    def happens(self) -> bool:
        """
        Tell what chance says.
        """
        return self._random.random() < CHANCE


class ByPriority:
    """
    Gives each task a priority by chance, and lets the highest go; at *changes* moments whoever would go is put last.

    It finds a bug that needs so many things to happen in an order with a chance that does not fall with the number of tasks as
    that of `ByChance` does. This is PCT, probabilistic concurrency testing (Burckhardt et al., 2010).
    """

    def __init__(self, seed: int, changes: int, length: int) -> None:
        """
        Take *length* as the number of choices that the run will have.
        """
        self._random = chance = random.Random(seed)  # noqa: S311 - no secret
        self._priorities = _Priorities(chance)
        self._changes = {chance.randrange(1, length + 1): -change for change in range(1, changes + 1)}
        self._count = 0
        self._went: Hashable = None
        self._others = 0

    def pick(self, candidates: Sequence[Hashable]) -> int:
        """
        Return the place of the candidate with the highest priority.
        """
        best = self._best(candidates)
        self._count += 1
        if self._count in self._changes:
            self._priorities[best] = self._changes[self._count]
            best = max(candidates, key=self._priorities.__getitem__)
        self._went, self._others = best, len(candidates) - 1
        return candidates.index(best)

    def _best(self, candidates: Sequence[Hashable]) -> Hashable:
        """
        Return the candidate with the highest priority; if who went last can go on, only those who came since can beat it.
        """
        first = candidates[0]
        if first is self._went:
            candidates = (first, *candidates[self._others + 1 :])
        return max(candidates, key=self._priorities.__getitem__)

    def happens(self) -> bool:
        """
        Tell what chance says.
        """
        return self._random.random() < CHANCE


class _Priorities(dict[Hashable, float]):
    """
    Priorities, made up when they are first asked for.
    """

    def __init__(self, chance: random.Random) -> None:
        super().__init__()
        self._chance = chance

    def __missing__(self, task: Hashable) -> float:
        priority = self[task] = self._chance.random()
        return priority
