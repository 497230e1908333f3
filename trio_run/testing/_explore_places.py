"""
Where tasks stand, so that a search can take alike what is alike.

A program has few places where a task waits, though it may pass each of them a thousand times. A search that gives each moment
the same chance spends its runs on loops; one that gives each place the same chance does not. What is done with a place is not
known here.

Law: the place of a task that waits is the same whenever it waits there, in every run of one process, with either engine.
"""

from __future__ import annotations

from collections.abc import Hashable
from types import CoroutineType
from typing import Any

Place = tuple[int, ...]


def place_of(task: Hashable) -> Place:
    """
    Return where *task* stands: every line from its own function down to where it waits.
    """
    coro: Any = getattr(task, "coro", None)
    if type(coro) is not CoroutineType:
        coro = getattr(coro, "coro", None)  # An engine stands between trio and the coroutine.
    place: list[int] = []
    while type(coro) is CoroutineType and (frame := coro.cr_frame) is not None:  # pyright: ignore[reportUnknownArgumentType]
        place.append(id(coro.cr_code))
        place.append(frame.f_lasti)
        coro = coro.cr_await
    return tuple(place)


class Passed(dict[Place, int]):
    """
    How often each place was passed, in that one of some runs in which it was passed most.
    """

    def note(self, counts: dict[Place, int]) -> None:
        """
        Take in how often each place was passed in one run.
        """
        for place, count in counts.items():
            self[place] = max(count, self.get(place, 0))
