"""
A map: one function over many inputs, on a pool, with a window between what is read and what is taken.

The inputs are read in a task of the pool; each becomes a job; whoever loops over the map gets the outcomes. This file says how
far reading may be ahead of taking, and in which order outcomes come.

Laws: no more than a window of inputs are read and not taken. Each input that was read has one outcome, and each outcome knows
its input. When the block is over so are all jobs, and nothing is read any more.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Generator, Iterable
from types import TracebackType
from typing import Any, ClassVar, Generic, Self, TypeVar, final

import attrs
import trio
from trio.lowlevel import Task

from .._handle import Handle, State
from .._names import name_of
from .._step import not_a_job
from .._word import Word
from ..errors import PoolWouldDeadlock
from ._intake import Intake
from ._job import Audience, Job
from ._worker import Worker

ItemT = TypeVar("ItemT")
T = TypeVar("T")


class Order(Word):
    """
    In which order outcomes come.
    """

    INPUT = "input"
    """As the inputs came: one that takes long holds up the others, though not their jobs."""

    COMPLETION = "completion"
    """As the jobs end."""


@final
@attrs.frozen(eq=False)
class Outcome(Generic[ItemT, T]):
    """
    What became of one input.
    """

    index: int
    """The how-manieth input it is, from 0."""

    item: ItemT
    """The input."""

    handle: Handle[T]
    """The handle of the job, which is over."""

    @property
    def state(self) -> State:
        """
        Finished, failed or cancelled.
        """
        return self.handle.state

    @property
    def value(self) -> T:
        """
        What the job returned.

        Raises:
            JobCancelled: It was cancelled.
            BaseException: It failed; this is the very error it raised.
        """
        return self.handle.value

    @property
    def error(self) -> BaseException | None:
        """
        What the job raised, where it failed.
        """
        return self.handle.error


_END: Any = object()


@attrs.define(eq=False)
class _Lane(Audience):
    """
    What is between the reader and who takes: jobs that were read and not taken.
    """

    intake: Intake
    task: Task
    order: Order
    holds: ClassVar[type[BaseException]] = Exception
    asker: Worker | None
    """Who has a slot of the same pool while it loops over the map."""

    read: int = 0
    """How many inputs were read."""

    enough: float = 0
    """How many may be left when the reader goes on: a wider window is filled some at a time, but never so late that slots are free."""

    width: float = 0
    """How many inputs may be read and not taken, as it was when the reader last woke up."""

    left: bool = False
    """Whether the block was left."""

    reading: bool = True
    failure: Exception | None = None
    """What ended the reading early."""

    items: dict[Job, tuple[int, object]] = attrs.field(factory=dict)
    """The jobs that were not taken, and for what each is."""

    row: deque[Job] = attrs.field(factory=deque)
    """Those that will be taken next, in this order; the first one may not be over."""

    live: set[Job] = attrs.field(factory=set)
    """Those that are not over."""

    held: bool = False
    """Whether *asker* counts as one who waits for jobs of its own pool."""

    deadlock: PoolWouldDeadlock | None = None
    """Why who takes must not go on waiting."""

    news: trio.Event = attrs.field(factory=trio.Event)
    """Set for who takes."""

    room: trio.Event = attrs.field(factory=trio.Event)
    """Set for the reader."""

    def add(self, item: object, job: Job) -> None:
        """
        Note that a job is about to be offered.
        """
        self.items[job] = (self.read, item)
        self.read += 1
        self.live.add(job)
        if self.order is Order.INPUT:
            self.row.append(job)
        job.audience = self

    def hear(self, job: Job) -> None:
        """
        Note that a job is over.
        """
        self.live.discard(job)
        if self.order is Order.COMPLETION:
            self.row.append(job)
        if self.row[0] is job or not self.live:  # Otherwise who takes would look in vain.
            self.tell()

    def tell(self) -> None:
        """
        Have who takes look again.
        """
        self._release()
        self.news.set()

    @property
    def ready(self) -> bool:
        """
        Whether the next outcome is there.
        """
        return bool(self.row) and self.row[0].done

    @property
    def goes_on(self) -> bool:
        """
        Whether there may be more outcomes.
        """
        return self.reading or bool(self.items)

    def take(self) -> Outcome[Any, Any] | None:
        """
        Return the next outcome, if it is there.
        """
        if not self.ready:
            return None
        job = self.row.popleft()
        index, item = self.items.pop(job)
        if len(self.items) <= self.enough:
            self.room.set()
        return Outcome(index, item, job)

    async def wait(self) -> None:
        """
        Wait for news, which may be none.

        Raises:
            PoolWouldDeadlock: There will never be any.
        """
        if self.news.is_set():
            self.news = trio.Event()
        if self.asker is not None:
            self.held = True
            self.intake.jobs.askers.hold(self.asker)
            self.look_for_deadlock()
        try:
            await self.news.wait()
        finally:
            self._release()
        deadlock, self.deadlock = self.deadlock, None
        if deadlock is not None:
            raise deadlock

    def look_for_deadlock(self) -> None:
        """
        Have who takes look again if that would wait for ever.
        """
        if self.asker is not None and self.held and self.live and self.intake.stuck:
            self.deadlock = self.intake.deadlock(self.asker)
            self.tell()

    def _release(self) -> None:
        if self.held and self.asker is not None:
            self.held = False
            self.intake.jobs.askers.release(self.asker)


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
            raise TypeError(f"A map goes over an iterable or async iterable of inputs, and {items!r} is neither.")
        self._intake, self._fn, self._items = intake, fn, items
        self._order, self._window = order, window
        self._name = name_of(fn)
        self._lane: _Lane | None = None
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
        self._lane = _Lane(intake, trio.lowlevel.current_task(), self._order, intake.asker())
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
        await trio.lowlevel.cancel_shielded_checkpoint()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Outcome[ItemT, T]:
        """
        Wait for the next outcome.

        Raises:
            StopAsyncIteration: There are no more.
            Closed: The pool was over before all inputs were read.
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
                if lane.failure is not None:
                    raise lane.failure
                raise StopAsyncIteration
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

    def _opened(self) -> _Lane:
        if self._lane is None:
            raise RuntimeError("A map has to be opened before it is looped over: `async with pool.map(...) as it:`.")
        return self._lane

    async def _read(self, lane: _Lane) -> None:
        """
        Read the inputs, and offer a job for each, in a task of the pool.
        """
        ended = False
        try:
            with self._scope:
                await self._offer_all(lane)
                ended = True
        except Exception as exc:  # noqa: BLE001 - it is passed on, to who takes
            lane.failure = exc
        finally:
            if not ended and lane.failure is None:
                lane.failure = self._intake.refusal(self._name)
            lane.reading = False
            lane.tell()

    async def _offer_all(self, lane: _Lane) -> None:
        if isinstance(self._items, AsyncIterable):
            source = aiter(self._items)
            try:
                while True:
                    await self._wait_for_room(lane)
                    if (item := await anext(source, _END)) is _END:
                        return
                    await self._offer(lane, item)
            finally:
                if isinstance(source, AsyncGenerator):
                    await source.aclose()  # It was most likely made for this map, so nobody else would.
        iterator = iter(self._items)
        try:
            while True:
                if len(lane.items) >= lane.width:
                    await self._wait_for_room(lane)
                if (item := next(iterator, _END)) is _END:
                    return
                await self._offer(lane, item)
        finally:
            if isinstance(iterator, Generator):
                iterator.close()  # As above.

    async def _wait_for_room(self, lane: _Lane) -> None:
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

    async def _offer(self, lane: _Lane, item: ItemT) -> None:
        if lane.left:  # As above.
            await trio.lowlevel.checkpoint()
        job = self._intake.make(self._fn, (item,), self._name)
        lane.add(item, job)
        try:
            if self._intake.jobs.has_room and lane.read % 16:  # Now and then it is the turn of others.
                self._intake.put(job)
            else:
                await self._intake.submit(job, None)
                lane.width = self._width
        except BaseException:
            lane.live.discard(job)
            raise
        lane.look_for_deadlock()
