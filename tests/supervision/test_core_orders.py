"""
The core in every order of events up to a depth, for three children, each strategy and each mix of restart kinds.

The laws are those of the random walks; here nothing is left to chance.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator

import pytest

from tests.supervision.test_core_walk import Task, World
from trio_run.supervision._core import Core
from trio_run.supervision._facts import Ending, Exited, Ready
from trio_run.supervision._policy import Backoff, Budget, Ledger, Restart, Strategy
from trio_run.supervision._restarts import Restarts
from trio_run.supervision._rules import Rules
from trio_run.supervision._slot import Admission

MIXES = list(itertools.product(Restart, repeat=3))


class SmallWorld(World):
    """
    Three children that are up, and all that can happen to them next.
    """

    def __init__(self, strategy: Strategy, mix: tuple[Restart, ...]) -> None:
        self.random = random.Random(0)
        self.now = 0.0
        self.strategy = strategy
        self.budget = Budget(restarts=2, per=60.0)
        backoff = Backoff(first=1.0, factor=2.0, max=4.0, jitter=0.0, stable_after=20.0)
        self.core = Core("top", Restarts(strategy, backoff, Ledger(self.budget), lambda: 0.0, 0.0, self.start_order))
        self.tasks: dict[str, Task] = {}
        self.judged = Ending.FINISHED
        self.charged: list[float] = []
        self.lives: dict[str, int] = {}
        self.barred: set[str] = set()
        self.not_before: dict[str, float] = {}
        self.stopped_by_us = False
        for name, restart in zip("abc", mix, strict=True):
            self.core.add(name, Rules(restart=restart, grace=3.0), Admission.BOOT)
        self.settle()
        for name in "abc":
            self.becomes_ready(name)
            self.settle()

    def events(self) -> Iterator[tuple[object, ...]]:
        """
        Everything that can happen now.
        """
        going = [name for name, task in self.tasks.items() if task.cancelled or task.asked]
        for name, task in self.tasks.items():
            if name in going:
                yield self.ends, Ending.CANCELLED, name
                yield self.ends, Ending.FAILED, name
                continue
            yield self.ends, Ending.FAILED, name
            yield self.ends, Ending.FINISHED, name
            if not task.ready:
                yield self.becomes_ready, name
        free = [name for name in self.tasks if name not in going]
        if len(free) > 1:
            yield self.ends, Ending.FAILED, *free
        if self.core.order.alarm < math.inf:
            yield (self.time_passes,)

    def becomes_ready(self, name: str) -> None:
        """
        A task becomes ready.
        """
        self.tasks[name].ready = True
        self.core.take([Ready(name, self.tasks[name].life)], self.now)

    def ends(self, ending: Ending, *names: str) -> None:
        """
        Tasks end in one moment, given in the order that is not that of their start.
        """
        error = ValueError("boom") if ending is Ending.FAILED else None
        self.core.take([Exited(name, self.tasks.pop(name).life, ending, error) for name in reversed(names)], self.now)

    def time_passes(self) -> None:
        """
        It is time for what was to be done next.
        """
        self.now = self.core.order.alarm


def walk(strategy: Strategy, mix: tuple[Restart, ...], depth: int) -> int:
    """
    Go through every order of so many events, and return how many there were.
    """
    count = 0
    paths: list[tuple[int, ...]] = [()]
    while paths:
        path = paths.pop()
        world = SmallWorld(strategy, mix)
        for choice in path:
            happen, *details = list(world.events())[choice]
            happen(*details)  # type: ignore[operator]
            world.settle()
        events = [] if world.core.done else list(world.events())
        if len(path) < depth and events:
            paths += [(*path, choice) for choice in range(len(events))]
        else:
            count += 1
            world.finish()
    return count


@pytest.mark.parametrize("strategy", Strategy)
def test_the_laws_hold_in_every_order_of_events(strategy: Strategy):
    """
    One life at a time, in order up and down, nothing missing, and always an end: whatever happens in whichever order.
    """
    assert sum(walk(strategy, mix, 3) for mix in MIXES) > 2000


@pytest.mark.slow
@pytest.mark.timeout(50)
@pytest.mark.parametrize("mix", MIXES, ids=lambda mix: "-".join(each.value for each in mix))
@pytest.mark.parametrize("strategy", Strategy)
def test_the_laws_hold_in_every_order_of_many_events(strategy: Strategy, mix: tuple[Restart, ...]):
    """
    The same, two events deeper.
    """
    assert walk(strategy, mix, 5) > 30


def test_a_walk_can_find_a_broken_law(monkeypatch: pytest.MonkeyPatch):
    """
    A core that does not hear what happened is found out.
    """
    monkeypatch.setattr(Core, "take", lambda *_facts: None)

    with pytest.raises((AssertionError, IndexError)):
        walk(Strategy.ONE_FOR_ALL, MIXES[0], 2)
