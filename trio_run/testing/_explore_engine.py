"""
Which engine drives a run.

There are two that do the same. `run_by_batches` is quicker; whether it works with the trio that is installed is tried out when
this file is imported, and if it does not `run_by_coroutines` takes its place.

Law: an engine that cannot run three tasks in any order it is told is not used.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from threading import Thread
from typing import Protocol

import outcome
import trio

from ._explore_batches import run_by_batches
from ._explore_choosers import Told
from ._explore_coroutines import run_by_coroutines
from ._explore_course import Course
from ._explore_token import Model


class Engine(Protocol):
    """
    Runs a function on a schedule that is made up as it goes.
    """

    def __call__(
        self,
        main: Callable[[], Awaitable[object]],
        course: Course,
        instruments: Sequence[trio.abc.Instrument],
        /,
    ) -> outcome.Outcome[object]:
        """
        Run *main* on *course*, and return what came of it.
        """
        ...


def works(engine: Engine) -> bool:
    """
    Tell whether *engine* can run three tasks in an order that trio by itself would never choose.
    """
    verdicts: list[bool] = []
    # In a thread of its own: the importing thread may be in the middle of a run.
    trial = Thread(target=lambda: verdicts.append(_can_order(engine)), name="trio_run.testing tries an engine")
    trial.start()
    trial.join()
    return verdicts == [True]


def _can_order(engine: Engine) -> bool:
    try:
        return all(_order(engine, model, choices) == order for model in Model for order, choices in _ORDERS.items())
    except Exception:  # noqa: BLE001 - whatever it is, this engine cannot be used
        return False


_ORDERS = {"bac": (1,), "cab": (2,), "bca": (1, 1)}
"""
Orders of three tasks, and the choices that lead to them.
"""


def _order(engine: Engine, model: Model, choices: tuple[int, ...]) -> str:
    """
    Return in which order three tasks ran.
    """
    ran: list[str] = []

    async def child(name: str) -> None:
        ran.append(name)

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            for name in "abc":
                nursery.start_soon(child, name)

    course = Course.begin(Told(choices), model, slack=0.0, max_steps=100)
    engine(main, course, []).unwrap()
    return "".join(ran)


def choose_engine(engines: Sequence[Engine] = (run_by_batches, run_by_coroutines)) -> Engine:
    """
    Return the first of *engines* that works.

    Raises:
        RuntimeError: None does, with this trio.
    """
    for engine in engines:
        if works(engine):
            return engine
    raise RuntimeError(
        f"No engine of the explorer works with trio {trio.__version__}: it cannot have three tasks run in a given order."
    )


ENGINE = choose_engine()
"""
The engine that is used.
"""
