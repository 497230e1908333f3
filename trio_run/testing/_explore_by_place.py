"""
Choosers that go by the places where tasks stand.

In a long program with many tasks a bug that needs one task to stop at one moment is hardly ever hit by a moment chosen by
chance, for nearly all moments are in loops. There are few places, though (`_explore_places`).

Law: as with all choosers, the same one made twice chooses the same, if the same places were passed before.
"""

from __future__ import annotations

import random
from collections.abc import Hashable, Sequence

import attrs

from ._explore_choosers import CHANCE, Told
from ._explore_places import Passed, Place, place_of

LOOKS = 8
"""
At how many candidates a chooser looks, where looking at all would take too long.
"""


@attrs.define(eq=False)
class Seen(Told):
    """
    Makes the choices it is told, and notes where those stood who would have gone by default.
    """

    places: list[Place] = attrs.field(factory=list)

    def pick(self, candidates: Sequence[Hashable]) -> int:
        """
        Return the next choice.
        """
        self.places.append(place_of(candidates[0]))
        return super().pick(candidates)

    def happens(self) -> bool:
        """
        Tell whether the next choice is not the default.
        """
        self.places.append(())
        return super().happens()


HURRY = 0.8
"""
How often time passes, where it may, while somebody slow is waited for: long enough for more than one timer.
"""


class AtSlowPlaces:
    """
    Has everybody who stands at one of one or two places wait until nobody else can go, as if what is done there took long; or, in
    half of the runs, until timers have rung as well.
    """

    def __init__(self, seed: int, passed: Passed) -> None:
        """
        Take the slow places out of those that were *passed*.
        """
        self._random = chance = random.Random(seed)  # noqa: S311 - no secret
        self._slow = set(chance.sample(list(passed), min(len(passed), chance.randint(1, 2))))
        self._in_order = chance.random() < 0.5
        self._hurry = chance.choice((CHANCE, HURRY))
        self._held: dict[Hashable, bool] = {}

    def pick(self, candidates: Sequence[Hashable]) -> int:
        """
        Return somebody who does not stand at a slow place: the first one, or any.
        """
        count = len(candidates)
        start = chosen = 0 if self._in_order else int(self._random.random() * count)
        for look in range(start, start + min(count, LOOKS)):
            if not self._is_held(candidates[look % count]):
                chosen = look % count
                break
        self._held.pop(candidates[chosen], None)
        return chosen

    def _is_held(self, task: Hashable) -> bool:
        held = self._held.get(task)
        if held is None:  # It has gone on since.
            held = self._held[task] = place_of(task) in self._slow
        return held

    def happens(self) -> bool:
        """
        Tell what chance says.
        """
        return self._random.random() < self._hurry


class WithStalls:
    """
    Makes default choices, but for a few moments at which whoever would go is put last, and stays there.

    The moments are chosen by place: each place has the same chance, however often it is passed.
    """

    def __init__(self, seed: int, stalls: int, passed: Passed) -> None:
        """
        Choose so many moments out of those at which places were *passed*.
        """
        self._random = chance = random.Random(seed)  # noqa: S311 - no secret
        places = [chance.choice(list(passed)) for _ in range(stalls if passed else 0)]
        self._moments: dict[Place, set[int]] = {place: set() for place in places}
        for place in places:
            self._moments[place].add(chance.randint(1, passed[place]))
        self._counts = dict.fromkeys(places, 0)
        self._stalled: dict[Hashable, int] = {}

    def pick(self, candidates: Sequence[Hashable]) -> int:
        """
        Return the first who is not stalled, or else who was stalled first.
        """
        while True:
            best = self._best(candidates) if self._stalled else 0
            place = place_of(candidates[best])
            if place not in self._moments:
                return best
            self._counts[place] += 1
            if self._counts[place] not in self._moments[place]:
                return best
            self._stalled[candidates[best]] = len(self._stalled) + 1

    def _best(self, candidates: Sequence[Hashable]) -> int:
        stalled = self._stalled
        for place, task in enumerate(candidates):
            if task not in stalled:
                return place
        return min(range(len(candidates)), key=lambda place: stalled[candidates[place]])

    def happens(self) -> bool:
        """
        Tell what chance says.
        """
        return self._random.random() < CHANCE
