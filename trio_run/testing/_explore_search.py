"""
Which schedules to run, and in which order.

A plan is a generator: it yields a chooser, is sent what came of the run, and yields the next, until it has nothing more to run.

What makes a run fail, and what happens then, is not known here.

Laws: the same seed makes the same plan. No schedule is run twice by the bounded search, and where it says that a bound was
covered, no schedule within it was left out.
"""

from __future__ import annotations

import bisect
import collections
import contextlib
import enum
import itertools
import math
import random
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Protocol

import attrs

from ._explore_by_place import AtSlowPlaces, Seen, WithStalls
from ._explore_choosers import ByChance, ByPriority, Told
from ._explore_places import Passed, Place
from ._explore_steering import Chooser


class Tried(Protocol):
    """
    What a plan has to know of a run.
    """

    @property
    def choices(self) -> Sequence[int]:
        """
        What was chosen.
        """
        ...

    @property
    def widths(self) -> Sequence[int]:
        """
        Among how many, for each choice.
        """
        ...


Plan = Generator[Chooser, Tried, None]


@attrs.define(eq=False)
class Coverage:
    """
    What a plan has left nothing out of.
    """

    preemptions: float = -1
    """All schedules with at most so many preemptions were run; infinite if there are no others."""


class Strategy(enum.Enum):
    """
    How to look for a schedule that fails.
    """

    COMBO = "combo"
    """
    All schedules with one preemption, then with two, as far as half of the runs go; then by chance, by priority, with slow places
    and with stalls.
    """

    DFS = "dfs"
    """All schedules with one preemption, with two, and so on."""

    PCT = "pct"
    """By priority."""

    RANDOM = "random"
    """By chance."""

    @classmethod
    def _missing_(cls, value: object) -> None:
        known = ", ".join(repr(member.value) for member in cls)
        raise ValueError(f"{value!r} is no strategy to explore schedules. It can be {known}.")


def plan_for(strategy: Strategy, schedules: int, preemptions: float, seed: int, coverage: Coverage) -> Plan:
    """
    Return the plan of an exploration.

    Args:
        strategy: How to look.
        schedules: How many runs there are at the most.
        preemptions: The bound of the bounded search.
        seed: What chance depends on.
        coverage: Where it is noted what was covered.
    """
    match strategy:
        case Strategy.COMBO:
            return _combo(schedules, preemptions, seed, coverage)
        case Strategy.DFS:
            return bounded(lambda _level: schedules, preemptions, seed, coverage)
        case Strategy.PCT:
            return _by_priority(seed)
        case Strategy.RANDOM:
            return _by_chance(seed)


def _combo(schedules: int, preemptions: float, seed: int, coverage: Coverage) -> Plan:
    left = max(1, schedules // 2)

    def share(level: int) -> int:
        return schedules // 4 if level == 1 < preemptions else left

    passed = Passed()
    search = bounded(share, preemptions, seed, coverage, passed)
    with contextlib.suppress(StopIteration):
        chooser = next(search)
        while left > 0:
            tried = yield chooser
            left -= 1
            chooser = search.send(tried)
    if coverage.preemptions < math.inf:
        yield from _mixed(seed, passed)


def bounded(
    share: Callable[[int], int], preemptions: float, seed: int, coverage: Coverage, passed: Passed | None = None
) -> Plan:
    """
    Run all schedules with no preemption, then with one, with two, and so on up to *preemptions*.

    Args:
        share: Says how many schedules with so many preemptions are run at the most; those that are run are then chosen by
            chance, with the same chance for each place where somebody is preempted.
        preemptions: The most to try.
        seed: What chance depends on.
        coverage: Where it is noted what was covered.
        passed: Where it is noted which places were passed.
    """
    chance = random.Random(seed)  # noqa: S311 - no secret
    passed = Passed() if passed is None else passed
    parents = [(yield from _tried(Seen(), passed))]
    coverage.preemptions = 0
    for level in itertools.count(1):
        variants, whole = _Variants(parents), coverage.preemptions == level - 1
        if not len(variants) and whole:
            coverage.preemptions = math.inf
        if not len(variants) or level > preemptions:
            return
        budget = min(share(level), len(variants))
        parents = list[_Parent]()
        for index in variants.sample(budget, chance):
            prefix = variants[index]
            # After the last level nobody asks where tasks stood.
            parents.append((yield from _tried(Seen(prefix) if level < preemptions else Told(prefix), passed)))
        if whole and budget == len(variants):
            coverage.preemptions = level


def _tried(chooser: Told, passed: Passed) -> Generator[Chooser, Tried, _Parent]:
    """
    Make a run that others are made from.
    """
    tried = yield chooser
    places = chooser.places if isinstance(chooser, Seen) else ()
    passed.note(collections.Counter(places))
    return _Parent(tried, len(chooser.choices), places)


def _mixed(seed: int, passed: Passed) -> Plan:
    """
    By chance, by priority, with slow places and with stalls, in turn, without end.
    """
    length = 16
    for number in itertools.count():
        seed_of_run, depth = _mix(seed, number), 1 + number // 4 % 3
        match number % 4:
            case 0:
                tried = yield ByChance(seed_of_run)
            case 1:
                tried = yield ByPriority(seed_of_run, depth, length)
            case 2:
                tried = yield AtSlowPlaces(seed_of_run, passed)
            case _:
                tried = yield WithStalls(seed_of_run, depth, passed)
        length = max(length, len(tried.choices))


def _by_priority(seed: int) -> Plan:
    tried = yield Told()
    for number in itertools.count():
        tried = yield _priority(seed, number, max(4, len(tried.choices)))


def _by_chance(seed: int) -> Plan:
    yield Told()
    for number in itertools.count():
        yield ByChance(_mix(seed, number))


def _priority(seed: int, number: int, length: int) -> ByPriority:
    return ByPriority(_mix(seed, number), changes=1 + number % 3, length=length)


def _mix(seed: int, number: int) -> int:
    return seed * 1_000_003 + number


@attrs.frozen(eq=False)
class _Parent:
    """
    A run whose choices from *start* on can be varied.
    """

    tried: Tried
    start: int
    places: Sequence[Place]
    """Where those stood who would have gone by default, for each choice; empty if nobody asks."""


class _Variants(Sequence[tuple[int, ...]]):
    """
    All ways to make one more choice another one than the default, made up when they are asked for.
    """

    def __init__(self, parents: list[_Parent]) -> None:
        self._places: list[tuple[_Parent, int]] = []
        self._ends: list[int] = []
        end = 0
        for parent in parents:
            for place in range(parent.start, len(parent.tried.widths)):
                end += parent.tried.widths[place] - 1
                self._places.append((parent, place))
                self._ends.append(end)

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def __getitem__(self, index: int) -> tuple[int, ...]:  # type: ignore[override]  # nobody asks for slices
        which = bisect.bisect_right(self._ends, index)
        parent, place = self._places[which]
        start = self._ends[which - 1] if which else 0
        return (*parent.tried.choices[:place], 1 + index - start)

    def sample(self, budget: int, chance: random.Random) -> Iterator[int]:
        """
        Choose so many of them: all in some order, or as many from each place as from any other.
        """
        if budget == len(self):
            yield from chance.sample(range(budget), budget)
            return
        choices: dict[Place, list[int]] = collections.defaultdict(list)
        for which, (parent, place) in enumerate(self._places):
            choices[parent.places[place]].append(which)
        groups = [_Group([self._range(which) for which in each]) for each in choices.values()]
        turns = collections.deque(chance.sample(groups, len(groups)))
        for _ in range(budget):
            group = turns.popleft()
            yield group.draw(chance)
            if group.left:
                turns.append(group)

    def _range(self, which: int) -> range:
        """
        The variants of one choice.
        """
        return range(self._ends[which - 1] if which else 0, self._ends[which])


@attrs.define(eq=False)
class _Group:
    """
    Those variants in which somebody is preempted at one place.
    """

    ranges: list[range]
    left: int = attrs.field(init=False)
    drawn: set[int] = attrs.field(factory=set, init=False)

    def __attrs_post_init__(self) -> None:
        self.left = sum(map(len, self.ranges))

    def draw(self, chance: random.Random) -> int:
        """
        Return one that was not drawn before.
        """
        while (index := chance.choice(chance.choice(self.ranges))) in self.drawn:
            pass
        self.drawn.add(index)
        self.left -= 1
        return index
