"""
A map: one function over many inputs, on a pool, with a window between what is read and what is taken.

The inputs are read in a task of the pool; each becomes a job; whoever loops over the map gets the outcomes. This file says how
far reading may be ahead of taking, and in which order outcomes come.

Laws: no more than a window of inputs are read and not taken. Each input that was read has one outcome, and each outcome knows
its input. When the block is over so are all jobs, and nothing is read any more.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Awaitable, Callable, Coroutine, Iterable
from types import TracebackType
from typing import Any, Generic, Self, TypeVar, final

import trio

from .._generators import close
from .._names import join, name_of
from .._step import not_a_job
from ..errors import Closed
from ._intake import Intake
from ._lane import Lane, Order, Outcome

ItemT = TypeVar("ItemT")
T = TypeVar("T")


_END: Any = object()


@final
class Map(Generic[ItemT, T]):
    """
    The outcomes of one function over many inputs, to be looped over inside of its block. Made by `Pool.map`.

    It is for one task, which takes the outcomes. That a failure is an outcome too, and that reading waits for who takes, is as
    in Elixir's ``Task.async_stream``.
    """

    def __init__(
        self,
        intake: Intake,
        fn: Callable[[ItemT], Awaitable[T]],
        items: Iterable[ItemT] | AsyncIterable[ItemT],
        order: Order,
        window: int | None,
    ) -> None:
        if not callable(fn):
            raise not_a_job(fn)
        if not isinstance(items, Iterable | AsyncIterable):  # pyright: ignore[reportUnnecessaryIsInstance]
            hint = ""
            if isinstance(items, Coroutine):
                items.close()  # Python need not warn of that on top.
                hint = " Await it first."
            raise TypeError(f"A map goes over an iterable or async iterable of inputs, and {items!r} is neither.{hint}")
        self._intake, self._fn, self._items = intake, fn, items
        self._order, self._window = order, window
        self._name = name_of(fn)
        self._lane: Lane | None = None
        self._scope, self._waits = trio.CancelScope(), False

    def __repr__(self) -> str:
        read, waiting = (0, 0) if self._lane is None else (self._lane.read, len(self._lane.items))
        return f"<Map {self._name}: {read} read, {waiting} not taken>"

    async def __aenter__(self) -> Self:
        await trio.lowlevel.checkpoint()
        intake = self._intake
        if self._lane is not None:
            raise RuntimeError("A map can be opened once; ask the pool for another.")
        if intake.closed:
            raise intake.refusal(self._name)
        self._lane = Lane(intake, trio.lowlevel.current_task(), self._order, intake.asker())
        intake.crew.nursery.start_soon(self._read, self._lane, name=f"{intake.crew.path} map {self._name}")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        lane, reason = self._opened(), f"the block of the map over {self._name} was left"
        lane.left = True
        self._scope.cancel(reason=reason)
        for job in tuple(lane.live):
            job.cancel(reason)
        lane.asker = None  # Nothing waits for a slot any more.
        with trio.CancelScope(shield=True):  # As at the end of a nursery: nothing outlives the block.
            while lane.live or lane.reading:
                await lane.wait()
            lane.tell_untaken(self._name)
        await trio.lowlevel.cancel_shielded_checkpoint()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Outcome[ItemT, T]:
        """
        Wait for the next outcome.

        Raises:
            StopAsyncIteration: There are no more.
            Closed: The pool was over before all inputs were read, or the block was left.
            trio.BusyResourceError: Another task waits for an outcome.
            PoolWouldDeadlock: This is inside of a job of the same pool, and all slots are held by such as wait for jobs of it.
            Exception: The iterable raised; this is the very error.

        Cancellation:
            Ends the wait; no outcome is lost.
        """
        lane = self._opened()
        if lane.ready or not lane.goes_on:
            await trio.lowlevel.checkpoint()
        while (outcome := lane.take()) is None:
            if not lane.goes_on:
                if lane.failure is None:
                    raise StopAsyncIteration
                lane.taken = True
                raise lane.failure
            if self._waits:
                taken = f"Another task takes from {self!r} already: have one task take, and pass on."
                raise trio.BusyResourceError(taken)
            self._waits = True
            try:
                await lane.wait()
            finally:
                self._waits = False
            await trio.lowlevel.checkpoint_if_cancelled()  # Jobs that were cancelled along with the caller are no news.
        return outcome

    def _opened(self) -> Lane:
        if self._lane is None:
            raise RuntimeError("A map has to be opened before it is looped over: `async with pool.map(...) as it:`.")
        return self._lane

    async def _read(self, lane: Lane) -> None:
        """
        Read the inputs, and offer a job for each, in a task of the pool.
        """
        ended = False
        try:
            with self._scope:
                await self._offer_all(lane)
                ended = True
        except Exception as exc:  # noqa: BLE001 - it is passed on, to who takes
            lane.failure, lane.taken = self._failure(exc), isinstance(exc, Closed)
        finally:
            if not ended and lane.failure is None:
                lane.failure, lane.taken = self._cut_short(lane), True
            lane.reading = False
            lane.tell()

    def _failure(self, error: Exception) -> Exception:
        """
        Return what the loop is to end with: an error, though it be the one that elsewhere says that all is well.
        """
        if not isinstance(error, StopAsyncIteration):
            return error
        failure = RuntimeError(f"The inputs of a map over {self._name} raised StopAsyncIteration.")
        failure.__cause__ = error
        return failure

    def _cut_short(self, lane: Lane) -> Exception:
        if lane.left:
            return Closed(join(self._intake.crew.path, f"map {self._name}"), self._name)
        return self._intake.refusal(self._name)

    async def _offer_all(self, lane: Lane) -> None:
        if isinstance(self._items, AsyncIterable):
            source = aiter(self._items)
            try:
                while True:
                    await self._wait_for_room(lane)
                    if (item := await anext(source, _END)) is _END:
                        return
                    await self._offer(lane, item)
            finally:
                await close(source)  # It was most likely made for this map, so nobody else would.
        iterator = iter(self._items)
        try:
            while True:
                if len(lane.items) >= lane.width:
                    await self._wait_for_room(lane)
                if (item := next(iterator, _END)) is _END:
                    return
                await self._offer(lane, item)
        finally:
            await close(iterator)  # As above.

    async def _wait_for_room(self, lane: Lane) -> None:
        """
        Wait until there is room in the window for another input.
        """
        lane.width = self._width
        while len(lane.items) >= lane.width:
            lane.enough = lane.width - max(1, (lane.width - self._intake.jobs.limiter.total_tokens) // 2)
            lane.room = trio.Event()
            await lane.room.wait()
            lane.width = self._width
        if lane.left:  # The block was left after this was woken, and asks for no more.
            await trio.lowlevel.checkpoint()

    @property
    def _width(self) -> float:
        return self._window or min(max(2 * self._intake.jobs.limiter.total_tokens, 2), 1000)

    async def _offer(self, lane: Lane, item: ItemT) -> None:
        if lane.left:  # As above.
            await trio.lowlevel.checkpoint()
        job = self._intake.make(self._fn, (item,), self._name)
        lane.add(item, job)
        try:
            if self._intake.jobs.has_room and lane.read % 16:  # Now and then it is the turn of others.
                self._intake.put(job)
            else:
                if not self._intake.jobs.has_room:
                    lane.look_for_deadlock()
                await self._intake.submit(job, None)
                lane.width = self._width
        except BaseException:
            lane.live.discard(job)
            raise
        lane.look_for_deadlock()
