"""
A limiter of which a caller can hold several tokens at once.

Where each holds one, `trio.CapacityLimiter` is the right one, and knows who holds it.

Laws: who came first is served first, also if it wants much. Who waits and goes away takes nothing, and holds up nobody.
"""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from collections.abc import AsyncGenerator
from typing import final

import attrs
import trio


@attrs.frozen
class WeightedStatistics:
    """
    What a weighted limiter is doing: a picture of one moment.
    """

    tokens: int
    """Tokens that there are."""

    held: int
    """Tokens that are held."""

    tasks_waiting: int
    """Tasks that wait for theirs."""


@final
class WeightedLimiter:
    """
    So many tokens, of which each caller holds as many as it needs: bytes of memory, say.

    All calls are safe from every task; from other threads they go through `trio.from_thread`.

    Args:
        tokens: How many there are.

    Raises:
        TypeError: *tokens* is no whole number.
        ValueError: *tokens* is less than 1.

    The order of service is that of Go's ``semaphore.Weighted``.
    """

    def __init__(self, tokens: int) -> None:
        if isinstance(tokens, bool) or not isinstance(tokens, int):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"A WeightedLimiter has a whole number of tokens, not {tokens!r}.")
        if tokens < 1:
            raise ValueError(f"A WeightedLimiter has 1 token or more, not {tokens}.")
        self._tokens = tokens
        self._held = 0
        self._waiting: OrderedDict[trio.lowlevel.Task, int] = OrderedDict()

    def __repr__(self) -> str:
        return f"<WeightedLimiter: {self._held} of {self._tokens} tokens held, {len(self._waiting)} tasks waiting>"

    def statistics(self) -> WeightedStatistics:
        """
        Return what the limiter is doing.
        """
        return WeightedStatistics(self._tokens, self._held, len(self._waiting))

    def acquire_nowait(self, tokens: int = 1) -> None:
        """
        Take *tokens* without waiting.

        Raises:
            trio.WouldBlock: They are not free, or others wait.
            ValueError: There are not so many.
            TypeError: *tokens* is no whole number.
        """
        self._check(tokens)
        if self._waiting or self._held + tokens > self._tokens:
            raise trio.WouldBlock
        self._held += tokens

    async def acquire(self, tokens: int = 1) -> None:
        """
        Wait for *tokens*, and take them all at once.

        Raises:
            ValueError: There are not so many, so they would never be free.
            TypeError: *tokens* is no whole number.

        Cancellation:
            Takes nothing. A checkpoint in any case.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        try:
            self.acquire_nowait(tokens)
        except trio.WouldBlock:
            task = trio.lowlevel.current_task()
            self._waiting[task] = tokens

            def abort(_: object) -> trio.lowlevel.Abort:
                del self._waiting[task]
                self._serve()
                return trio.lowlevel.Abort.SUCCEEDED

            await trio.lowlevel.wait_task_rescheduled(abort)
        else:
            await trio.lowlevel.cancel_shielded_checkpoint()

    def release(self, tokens: int = 1) -> None:
        """
        Give *tokens* back; any task may do so.

        Raises:
            RuntimeError: More than are held.
            ValueError: Less than 1.
            TypeError: *tokens* is no whole number.
        """
        self._check(tokens)
        if tokens > self._held:
            raise RuntimeError(f"{tokens} tokens are given back, and only {self._held} are held.")
        self._held -= tokens
        self._serve()

    @contextlib.asynccontextmanager
    async def hold(self, tokens: int = 1) -> AsyncGenerator[None]:
        """
        Hold *tokens* for as long as a block lasts.

        Args:
            tokens: How many.

        Raises:
            ValueError: There are not so many.
            TypeError: *tokens* is no whole number.

        Cancellation:
            Of the wait, takes nothing; of the block, gives them back.
        """
        await self.acquire(tokens)
        try:
            yield
        finally:
            self.release(tokens)

    def _serve(self) -> None:
        while self._waiting:
            task, tokens = next(iter(self._waiting.items()))
            if self._held + tokens > self._tokens:
                return
            del self._waiting[task]
            self._held += tokens
            trio.lowlevel.reschedule(task)

    def _check(self, tokens: int) -> None:
        if isinstance(tokens, bool) or not isinstance(tokens, int):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"Tokens of a WeightedLimiter are held in whole numbers, not {tokens!r}.")
        if not 1 <= tokens <= self._tokens:
            raise ValueError(f"One can hold 1 to {self._tokens} tokens of this limiter, not {tokens!r}.")
