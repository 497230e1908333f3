"""
A ticker: a loop that comes round at fixed times.

Law: the times lie on a grid and do not drift, however long each round takes. Times that were missed are left out, not made up
for.
"""

from __future__ import annotations

import math
from typing import Self, final

import attrs
import trio

from ._stopping import cancel_on_stop


@final
@attrs.define(eq=False)
class Ticker:
    """
    Gives the numbers of ticks, when they are due. Made by `every`.

    To be iterated by one task.
    """

    seconds: float
    """The time from one tick to the next."""

    _due: float
    _start: float = attrs.field(init=False)
    _number: int = -1

    def __attrs_post_init__(self) -> None:
        self._start = self._due

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> int:
        """
        Wait for the next tick, and return its number, from 0; one that was missed leaves a gap.

        Raises:
            StopAsyncIteration: The child that this runs in was asked to stop.

        Cancellation:
            A checkpoint in any case. Ends the wait; the ticks go on.
        """
        passed = math.floor((trio.current_time() - self._start) / self.seconds)
        self._number = max(self._number + 1, passed)
        with cancel_on_stop():
            await trio.sleep_until(self._start + self._number * self.seconds)
            return self._number
        raise StopAsyncIteration


def every(seconds: float, *, first: float = 0.0) -> Ticker:
    """
    Return a ticker, to be iterated with ``async for``.

    The loop ends when the child that it runs in is asked to stop, and the round it is at is done to the end.

    Args:
        seconds: The time from one tick to the next.
        first: Seconds until the first tick.

    Returns:
        The ticker. It gives the numbers of ticks, from 0; if a round takes so long that ticks are missed, the next round
        begins at once, and the numbers show the gap.

    Raises:
        TypeError: An argument is no number.
        ValueError: *seconds* is not more than 0, or *first* is less.
        RuntimeError: There is no trio run.

    That late ticks are dropped, and the grid kept, is what Go's `time.Ticker` does.
    """
    for name, value in (("seconds", seconds), ("first", first)):
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise TypeError(f"every() takes a number of seconds as {name}, not {value!r}.")
    if not 0 < seconds < math.inf or not 0 <= first < math.inf:
        raise ValueError(f"every() ticks each {seconds!r} s, first in {first!r} s: use more than 0 s, and 0 s or more.")
    return Ticker(seconds, trio.current_time() + first)
