"""
One run of a function on one schedule.

The schedule is made up by a chooser, and kept by one of two engines. What to run next is for the search.

Law: whatever the function raises is kept, but for KeyboardInterrupt, which is the user's. What is no async function is not run.
"""

from __future__ import annotations

import functools
import random
from collections.abc import Awaitable, Callable, Iterator, Sequence

import attrs
import outcome
import trio

from ._clock import Deadlock
from ._explore_asked import NotAsync, awaitable_of
from ._explore_course import Course, Waits
from ._explore_engine import Engine
from ._explore_steering import Chooser
from ._explore_steps import Record
from ._explore_token import Model, Token

Program = Callable[[], Awaitable[object]]


@attrs.frozen
class Rules:
    """
    What is the same in all runs of one exploration.
    """

    model: Model
    slack: float
    max_steps: int
    engine: Engine
    waits: Waits = attrs.field(factory=Waits)


@attrs.frozen(eq=False)
class Run:
    """
    What came of one run.
    """

    token: Token
    """How to make it again."""

    choices: tuple[int, ...]
    """What was chosen."""

    widths: tuple[int, ...]
    """Among how many, for each choice."""

    error: BaseException | None
    """What it raised, or why it was ended."""

    steps: tuple[Record, ...] = ()
    """What happened, if it was run to be seen."""


def run_once(
    fn: Program,
    chooser: Chooser,
    rules: Rules,
    trace: list[Record] | None = None,
    instruments: Sequence[trio.abc.Instrument] = (),
) -> Run:
    """
    Run *fn* once, on the schedule that *chooser* makes up.

    Args:
        fn: An async function, which makes its world afresh.
        chooser: Makes the choices.
        rules: What counts as a schedule.
        trace: Gets every step, if given.
        instruments: Further ones for the run.

    Raises:
        KeyboardInterrupt: The user had enough.
        NotAsync: *fn* returned nothing that can be awaited.
    """
    course = Course.begin(chooser, rules.model, rules.slack, rules.max_steps, trace)
    course.waits = rules.waits

    @functools.wraps(fn, assigned=("__module__", "__name__", "__qualname__"), updated=())
    async def main() -> None:
        with course.scope:
            await awaitable_of(fn, fn())

    random.seed(0)  # What the program draws is the same in every run.
    result = rules.engine(main, course, instruments)
    rules.waits.runs += 1
    choices = tuple(course.steering.choices)
    return Run(
        Token(choices, rules.model, rules.slack),
        choices,
        tuple(course.steering.widths),
        _error(result, course),
        () if trace is None else tuple(trace),
    )


def _error(result: outcome.Outcome[object], course: Course) -> BaseException | None:
    """
    Return what a run failed with.
    """
    error = result.error if isinstance(result, outcome.Error) else None
    if isinstance(error, (KeyboardInterrupt, NotAsync)):
        raise error
    if isinstance(course.problem, Deadlock):
        return next(_deadlocks(error), course.problem)  # The clock's own error has the better picture.
    return course.problem or error


def _deadlocks(error: BaseException | None) -> Iterator[Deadlock]:
    """
    Find what the clock said among all that was raised because of it.
    """
    if isinstance(error, Deadlock):
        yield error
    elif isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
            yield from _deadlocks(each)  # pyright: ignore[reportUnknownArgumentType]
    elif isinstance(error, trio.TrioInternalError):
        yield from _deadlocks(error.__cause__)
