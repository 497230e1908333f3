"""
How a pool is opened, and what it may be opened with.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import AsyncGenerator
from typing import Any

import trio

from .._names import checked, join
from .._sinks import current_stream
from .._step import strip_cancelled
from .._stopping import current_life
from ._crew import Crew
from ._intake import Intake
from ._jobs import Jobs
from ._per_worker import PerWorker
from ._pool import Pool
from ._worker import Worker


@contextlib.asynccontextmanager
async def open_pool(
    size: float | trio.CapacityLimiter,
    *,
    name: str = "pool",
    idle_time: float = 60.0,
    max_waiting: float = math.inf,
    per_worker: PerWorker[Any] | None = None,
) -> AsyncGenerator[Pool]:
    """
    Open a pool for as long as a block lasts.

    Leaving the block waits for every job, and for those that jobs bring in until then; in a pause that takes until there are
    slots again. The pool begins with no worker, and has one more whenever a job finds none at rest.

    Args:
        size: How many jobs may run at a time: a whole number, or `math.inf`; or a limiter, which may be shared with other pools
            and anything else.
        name: What logs and trees call it.
        idle_time: A worker that has rested for so many seconds ends.
        max_waiting: How many jobs may wait for a slot; 0 for none.
        per_worker: What each worker opens for itself, such as a connection.

    Yields:
        The pool, which takes jobs from every task.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: A number is out of range, or the name is no step of a path.
        ExceptionGroup: The block raised, as with a nursery.
        BaseExceptionGroup: A job raised KeyboardInterrupt, SystemExit or the like; all others were cancelled.

    Cancellation:
        All jobs are cancelled, those that wait as well as those that run, and the block ends when all are gone. An exception in
        the block does the same.
    """
    life = current_life()
    path = join("" if life is None else life.path, checked(name, "a pool"))
    limiter = limiter_of(size, "open_pool(size)")
    max_waiting, idle_time = checked_count(max_waiting, "open_pool(max_waiting)"), _checked_time(idle_time)
    if per_worker is not None and not isinstance(per_worker, PerWorker):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"open_pool(per_worker=...) takes a PerWorker, not {per_worker!r}.")
    async with trio.open_nursery() as nursery:
        intake = make_intake(path, Jobs(limiter, max_waiting), nursery, idle_time, per_worker)
        crew = intake.crew
        try:
            yield Pool(name, limiter, intake)
        except BaseException as exc:
            crew.break_off(strip_cancelled(exc))
            raise
        crew.left = True
        crew.wind_up()


def make_intake(
    path: str, jobs: Jobs, nursery: trio.Nursery, idle_time: float = 60.0, per_worker: PerWorker[Any] | None = None
) -> Intake:
    """
    Make the inside of a pool, whose workers run in *nursery*.
    """
    crew = Crew(path, jobs, nursery, idle_time, current_stream(), Worker, per_worker)
    return Intake(crew, jobs)


def limiter_of(size: float | trio.CapacityLimiter, title: str) -> trio.CapacityLimiter:
    """
    Return a limiter for so many; *title* names the argument, for the error.
    """
    return size if isinstance(size, trio.CapacityLimiter) else trio.CapacityLimiter(checked_count(size, title))


def checked_count(value: float, title: str) -> float:
    """
    Return *value* if it is a number of jobs; *title* names the argument, for the error.

    Raises:
        TypeError: It is no whole number, nor `math.inf`.
        ValueError: It is less than 0.
    """
    if isinstance(value, bool) or not (isinstance(value, int) or value == math.inf):
        raise TypeError(f"{title} takes a whole number or math.inf, not {value!r}.")
    if value < 0:
        raise ValueError(f"{title} has to be at least 0, not {value!r}.")
    return value


def _checked_time(value: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"open_pool(idle_time=...) takes seconds, not {value!r}.")
    if not value > 0:
        raise ValueError(f"open_pool(idle_time=...) has to be more than 0 seconds, not {value!r}.")
    return value
