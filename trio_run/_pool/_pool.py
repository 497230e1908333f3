"""
A pool: jobs, at most so many at a time, on workers that are used again.

This file is what users hold. Who may offer a job is for the intake, and how jobs get to workers for the crew.

Laws: a job that is not taken raises; none is dropped. A job that fails neither ends a worker nor the pool, and is heard of. When
the block is over so are all jobs, all tokens are back, and no task is left.
"""

from __future__ import annotations

import functools
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable
from typing import Any, TypeVar, TypeVarTuple, Unpack, cast, final

import attrs
import trio

from .._handle import Handle
from .._names import join, name_of
from .._step import not_a_job
from ..events import JobFailed
from ._intake import Intake
from ._lane import Order
from ._map import Map
from ._waits import Readiness

ItemT = TypeVar("ItemT")
T = TypeVar("T")
PosArgsT = TypeVarTuple("PosArgsT")


@attrs.frozen
class PoolStatistics:
    """
    What a pool is doing: a picture of one moment.
    """

    total: float
    """How many jobs may run at a time, here and wherever else its limiter is used; 0 while paused."""

    busy: int
    """Workers that hold a token of the limiter."""

    idle: int
    """Workers that rest."""

    waiting: int
    """Jobs that were taken, and wait for a worker."""

    oldest_wait: float
    """For how many seconds the job has waited that was offered first, taken or not; 0 where none waits."""

    done: int
    """Jobs that are over, whatever their outcome."""

    failed: int
    """Jobs that raised."""


@final
@attrs.define(eq=False, repr=False)
class Pool:
    """
    Runs jobs on workers of its own: at most as many at a time as its limiter has tokens. Made by `open_pool`.

    A job begins when a slot is free, which is a token of the limiter. Where none is,

    * `start_soon` has it wait, if there is room, and is refused with `trio.WouldBlock` otherwise;
    * `submit` has it wait as soon as there is room, and waits for that itself;
    * `run` and `start` have it wait, and wait with it;
    * `submit_nowait` is refused with `trio.WouldBlock`.

    There is room as long as fewer than *max_waiting* jobs wait for a slot. Jobs are taken in the order in which they were
    offered, and begin in the order in which they were taken.

    Each job runs in a copy of the context variables of the moment when it was offered. A job that fails ends alone: the error is
    in its handle, and told by the event ``job.failed``. Only what is no `Exception`, such as KeyboardInterrupt or SystemExit,
    ends the pool as it would a nursery.

    A worker goes from one job to the next without a detour through the loop, but for no more than 128 jobs (32 where
    many work) or 10 ms (1 ms where jobs never give way to the loop) at a time: then it gives others their turn, also whoever
    else waits for the limiter.

    A job may offer others to its own pool, and to one with the same limiter. Where it waits for them while all slots are held by
    jobs that wait likewise, the call raises `PoolWouldDeadlock`; a pause, or somebody else with a token, is no reason to. Where jobs
    wait for each other's handles in a circle, with no deadline, the call that completes it raises `WouldDeadlock`.

    All calls are safe from every task; from other threads they go through `trio.from_thread`.

    The workers that rest for some time are those of the pools of h12.io/run; the limiter is trio's.
    """

    name: str
    """What logs and trees call it."""

    limiter: trio.CapacityLimiter
    """How many jobs may run at a time: set its ``total_tokens`` to have more or fewer, and to 0 for a pause."""

    _intake: Intake

    def __repr__(self) -> str:
        now = self.statistics()
        return f"<Pool {self.name}: {now.busy} of {now.total} busy, {now.waiting} waiting>"

    @trio.lowlevel.enable_ki_protection
    def start_soon(
        self, fn: Callable[[Unpack[PosArgsT]], Awaitable[T]], *args: *PosArgsT, name: str | None = None
    ) -> Handle[T]:
        """
        Have a job done, without waiting for anything.

        With this a pool can stand in for a nursery, as in ``trio.serve_tcp(..., handler_nursery=pool)``. But a job that is
        cancelled while it waits never begins, so nobody closes what it was given.

        Args:
            fn: An async function.
            *args: Its arguments; keyword arguments go into a `functools.partial`.
            name: What logs call the job.

        Returns:
            The handle of the job.

        Raises:
            trio.WouldBlock: No slot is free, and *max_waiting* jobs wait already.
            Closed: The pool is over.
            TypeError: *fn* cannot be called.
        """
        job = self._intake.make(fn, args, name)
        self._intake.put(job)
        return job

    @trio.lowlevel.enable_ki_protection
    def submit_nowait(
        self, fn: Callable[[Unpack[PosArgsT]], Awaitable[T]], *args: *PosArgsT, name: str | None = None
    ) -> Handle[T]:
        """
        Have a job done, if it can begin at once.

        The arguments are those of `start_soon`.

        Returns:
            The handle of the job.

        Raises:
            trio.WouldBlock: No slot is free.
            Closed: The pool is over.
            TypeError: *fn* cannot be called.
        """
        job = self._intake.make(fn, args, name)
        self._intake.put_at_once(job)
        return job

    @trio.lowlevel.enable_ki_protection
    async def submit(
        self, fn: Callable[[Unpack[PosArgsT]], Awaitable[T]], *args: *PosArgsT, name: str | None = None
    ) -> Handle[T]:
        """
        Have a job done, as soon as there is room for it.

        The arguments are those of `start_soon`.

        Returns:
            The handle of the job, which may not have begun.

        Raises:
            Closed: The pool is over, or was before there was room.
            PoolWouldDeadlock: There would never be room, since all slots are held by jobs that wait here.
            TypeError: *fn* cannot be called.

        Cancellation:
            Then the job is not taken.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        intake = self._intake
        job = intake.make(fn, args, name)
        await intake.submit(job, None if intake.jobs.has_room else intake.asker())
        return job

    @trio.lowlevel.enable_ki_protection
    async def run(self, fn: Callable[[Unpack[PosArgsT]], Awaitable[T]], *args: *PosArgsT, name: str | None = None) -> T:
        """
        Do a job and return its value: ``await fn(*args)``, but on a worker of the pool.

        The arguments are those of `start_soon`.

        Returns:
            What the job returned.

        Raises:
            BaseException: The job failed; this is the very error it raised. It is told of nowhere else.
            JobCancelled: The pool was cancelled.
            Closed: The pool is over, or was before there was room.
            PoolWouldDeadlock: The job would never begin, since all slots are held by jobs that wait here.
            TypeError: *fn* cannot be called.

        Cancellation:
            Cancels the job, and waits until it is gone. If it ends with a value or an error all the same, so does the call.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        await self._intake.run(job := self._intake.make(fn, args, name))
        return cast("T", job.value)

    async def start(self, fn: Callable[..., Awaitable[object]], *args: object, name: str | None = None) -> Any:  # noqa: ANN401 - as in trio.Nursery.start
        """
        Start a job that takes ``task_status``, and wait until it says that it is ready.

        This means what it means for `trio.Nursery.start`, but for errors after that: they are those of a job.

        The arguments are those of `start_soon`.

        Returns:
            What it gave to ``task_status.started()``.

        Raises:
            BaseException: The job failed before it was ready; this is the very error it raised.
            RuntimeError: It returned before it was ready.
            Closed: The pool is over.
            PoolWouldDeadlock: The job would never begin, since all slots are held by jobs that wait here.
            TypeError: *fn* cannot be called.

        Cancellation:
            Cancels the job as long as it is not ready, and waits until it is gone.
        """
        if not callable(fn):
            raise not_a_job(fn)
        crew, label = self._intake.crew, name_of(fn) if name is None else name
        if self._intake.closed:
            raise self._intake.refusal(label)
        return await crew.nursery.start(_host, self._intake, fn, args, label, name=join(crew.path, label))

    def map(
        self,
        fn: Callable[[ItemT], Awaitable[T]],
        items: Iterable[ItemT] | AsyncIterable[ItemT],
        *,
        order: Order | str = Order.INPUT,
        window: int | None = None,
    ) -> Map[ItemT, T]:
        """
        Call *fn* with each of *items*, here in the pool, and loop over the outcomes: ``async with pool.map(fn, items) as outcomes``.

        Items are read as outcomes are taken, so there may be any number of them. A job that fails is an outcome like any
        other: `Outcome.value` raises its error. Leaving the block early cancels what is not over, and waits for it; failures that
        nobody has taken are told by the event ``job.failed`` then.

        Args:
            fn: An async function of one argument. To give each item some seconds, it opens a scope: `trio.fail_after`.
            items: An iterable, or an async iterable such as a channel. A task of the pool reads it; a generator is closed.
            order: In which order outcomes come: ``"input"`` or ``"completion"``.
            window: How many items may have been read and not taken; None for twice as many as there are slots, at most 1000.

        Returns:
            An async context manager, to be looped over with ``async for``.

        Raises:
            TypeError: *fn* cannot be called, *items* cannot be looped over, or *window* is no whole number.
            ValueError: *order* or *window* is out of range.
        """
        return Map(self._intake, fn, items, Order(order), checked_window(window))

    async def wait_idle(self) -> None:
        """
        Wait until no job runs or waits, which says nothing of those that are offered next.

        Raises:
            WouldDeadlock: A job waits for the caller, or jobs wait for a slot that it has.

        Cancellation:
            Ends the wait.
        """
        await self._intake.wait_idle()

    @trio.lowlevel.enable_ki_protection
    def cancel(self, reason: str | None = None) -> None:
        """
        Cancel all jobs and the block, as ``nursery.cancel_scope.cancel()`` does. Returns at once; no job is taken any more.

        Args:
            reason: Why, for logs and for ``trio.Cancelled.reason``.
        """
        crew = self._intake.crew
        crew.break_off(None)
        crew.nursery.cancel_scope.cancel(reason=reason)  # Whoever waits inside of the block hears of this,
        crew.jobs.drain(reason)  # and whoever does so elsewhere of that.

    def statistics(self) -> PoolStatistics:
        """
        Return what the pool is doing.
        """
        return _statistics(self._intake)


def _statistics(intake: Intake) -> PoolStatistics:
    crew, jobs = intake.crew, intake.jobs
    oldest = jobs.oldest
    return PoolStatistics(
        total=jobs.limiter.total_tokens,
        busy=crew.busy,
        idle=len(crew.rest.workers),
        waiting=jobs.waiting,
        oldest_wait=0.0 if oldest is None else crew.now() - oldest.since,
        done=jobs.done,
        failed=crew.failed,
    )


async def _host(
    intake: Intake,
    fn: Callable[..., Awaitable[object]],
    args: tuple[object, ...],
    name: str,
    *,
    task_status: trio.TaskStatus[Any],
) -> None:
    """
    Wait for a job that was started; once it is ready, in the nursery of the pool.
    """
    crew, ready = intake.crew, Readiness(task_status, intake.jobs.askers)
    try:
        await trio.lowlevel.checkpoint_if_cancelled()
        ready.job = intake.make(functools.partial(fn, task_status=ready), args, name)
        await intake.run(ready.job)
        _ = ready.job.value
    except Exception as exc:
        if trio.lowlevel.current_task().parent_nursery is not crew.nursery:
            raise  # It is not ready yet, so this is for who started it.
        crew.stream.send(JobFailed, join(crew.path, name), error=exc)


def intake_of(pool: Pool) -> Intake:
    """
    Return the way into a pool, for groups.
    """
    return pool._intake  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]


def checked_window(window: int | None) -> int | None:
    """
    Return *window* if it is one.

    Raises:
        TypeError: It is no whole number.
        ValueError: It is less than 1.
    """
    if window is None:
        return None
    if isinstance(window, bool) or not isinstance(window, int):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"map(window=...) takes a whole number, not {window!r}.")
    if window < 1:
        raise ValueError(f"map(window=...) has to be at least 1, not {window!r}.")
    return window
