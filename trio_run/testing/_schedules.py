"""
Schedules for hypothesis: a strategy whose examples are the choices of one run, so that hypothesis searches and shrinks them.

By itself a test under ``@given`` runs one schedule only: hypothesis seeds trio's generator alike for each example. hypothesis is
imported when it is needed, and not before.

Law: what hypothesis raises to end an example never goes through a run of trio.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import TYPE_CHECKING, TypeVar

import attrs

from ._explore import MAX_STEPS, chance_left_alone
from ._explore_asked import check_numbers
from ._explore_engine import ENGINE
from ._explore_run import Rules, run_once
from ._explore_token import Model

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

T = TypeVar("T")


@attrs.define(eq=False)
class Schedule:
    """
    One order of the steps of a run, made up by hypothesis as the run goes.

    Attributes:
        token: The schedule of the last run, for `replay`; None before.
    """

    _random: random.Random
    _model: Model
    _slack: float
    _max_steps: int
    token: str | None = attrs.field(default=None, init=False)

    def run(self, fn: Callable[..., Awaitable[T]], *args: object) -> T:
        """
        Run an async function on this schedule, in virtual time, and return what it returns.

        Raises:
            BaseException: What *fn* raised; a `Deadlock` or `Livelock` if it could not end.
            RuntimeError: A run of trio is going on in this thread.
        """
        from hypothesis import note  # noqa: PLC0415 - optional

        results: list[T] = []

        async def main() -> None:
            results.append(await fn(*args))

        check_numbers("schedules", schedules=1, slack=self._slack, max_steps=self._max_steps, preemptions=None)
        drawn = _Drawn(self._random)
        with chance_left_alone():
            run = run_once(main, drawn, Rules(self._model, self._slack, self._max_steps, ENGINE))
        if drawn.stopped is not None:
            raise drawn.stopped
        self.token = str(run.token)
        if run.error is not None:
            note(f"The token of the schedule is {self.token}")
            raise run.error
        return results[0]


@attrs.define(eq=False)
class _Drawn:
    """
    Has hypothesis make each choice; once that wants to stop, all others are defaults.
    """

    random: random.Random
    stopped: BaseException | None = None

    def pick(self, candidates: Sequence[Hashable]) -> int:
        """
        Return any place.
        """
        return self._below(len(candidates))

    def happens(self) -> bool:
        """
        Tell whether what need not happen does.
        """
        return self._below(2) == 1

    def _below(self, end: int) -> int:
        if self.stopped is None:
            try:
                return self.random.randrange(end)
            except BaseException as exc:  # noqa: BLE001 - raised again when the run is over
                self.stopped = exc
        return 0


def schedules(
    *, model: Model | str = Model.WIDE, slack: float = 0.0, max_steps: int = MAX_STEPS
) -> SearchStrategy[Schedule]:
    """
    Return a strategy of hypothesis for schedules: each example is a `Schedule`, to run an async function on.

    The test is not async, and runs trio through the schedule::

        @given(schedules(), st.integers(1, 5))
        def test_orders(schedule, customers):
            schedule.run(orders, customers)

    Args:
        model: As with `explore`.
        slack: As with `explore`.
        max_steps: A run with more steps is taken for one without end.

    Raises:
        ImportError: hypothesis is not installed.
        ValueError: A number is out of its range, or there is no such model.
    """
    from hypothesis import strategies as st  # noqa: PLC0415 - optional

    check_numbers("schedules", schedules=1, slack=slack, max_steps=max_steps, preemptions=None)
    rules = Model(model), slack, max_steps

    def schedule(choices: random.Random) -> Schedule:
        return Schedule(choices, *rules)

    return st.builds(schedule, st.randoms(use_true_random=False))
