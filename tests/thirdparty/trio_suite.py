"""
A plugin for pytest under which each `trio.run` goes on a schedule of the strict model, whoever calls it.

    pytest -p tests.thirdparty.trio_suite --strict-seed=1 --pyargs trio._core._tests trio._tests -p trio._tests.pytest_plugin

trio's own suite has to pass under it: the strict model has no schedule that trio could not take. Clocks are left alone.
"""

import random
from collections.abc import Callable
from weakref import WeakKeyDictionary, WeakMethod

import pytest
import trio

from trio_run import _trio_compat as compat
from trio_run.testing._explore_batches import _Order, _Strict
from trio_run.testing._explore_choosers import ByChance
from trio_run.testing._explore_coroutines import _Turns
from trio_run.testing._explore_course import Course
from trio_run.testing._explore_token import Model

MOST_STEPS = 10**9


class Orders(random.Random):
    """
    Takes the place of trio's generator: asks the engine that a run has, and is where engines get their seeds from.
    """

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.by_runner: WeakKeyDictionary[object, WeakMethod[Callable[..., None]]] = WeakKeyDictionary()

    def shuffle(self, x) -> None:
        """
        Put a batch in order.
        """
        ours = self.by_runner.get(compat.current_runner())
        strict = ours() if ours is not None else None
        (strict or super().shuffle)(x)

    def course(self) -> Course:
        """
        A schedule for the next run.
        """
        return Course.begin(ByChance(self.getrandbits(64)), Model.STRICT, 0.0, MOST_STEPS)


class Batches(_Strict):
    """
    The engine of one run.
    """

    def __init__(self, orders: Orders) -> None:
        super().__init__(orders.course(), _Order())
        self.orders = orders

    def before_run(self) -> None:
        """
        Have this engine asked for this run, and nobody keep the run for it.
        """
        self.orders.by_runner[compat.current_runner()] = WeakMethod(self.decide)


def pytest_addoption(parser: pytest.Parser) -> None:
    """
    Take a seed and an engine.
    """
    parser.addoption("--strict-seed", type=int, default=0, help="seed of the schedules")
    parser.addoption("--strict-engine", choices=["batches", "coroutines"], default="batches")


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """
    Give each run that is set up an engine of its own.
    """
    run, orders = trio._core._run, Orders(config.getoption("--strict-seed"))
    setup = run.setup_runner

    def by_batches(clock, instruments, *rest):
        return setup(clock, [Batches(orders), *instruments], *rest)

    def by_coroutines(clock, instruments, *rest):
        return setup(clock, [_Turns(orders.course(), trio.testing.MockClock()), *instruments], *rest)

    run.setup_runner = by_batches if config.getoption("--strict-engine") == "batches" else by_coroutines
    config.stash[SHUFFLED] = shuffled = compat.batches_shuffled_by(orders)
    shuffled.__enter__()


SHUFFLED = pytest.StashKey()


def pytest_unconfigure(config: pytest.Config) -> None:
    """
    Give trio its generator back.
    """
    config.stash[SHUFFLED].__exit__(None, None, None)
