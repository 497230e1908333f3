"""
A pool: jobs, at most so many at a time, on workers that are used again.

This file says who may offer a job, who waits for what, and what comes of waiting. How jobs get to workers is for the crew.

Laws: a job that is not taken raises; none is dropped. A job that fails neither ends a worker nor the pool, and is heard of. When
the block is over so are all jobs, all tokens are back, and no task is left.
"""

from __future__ import annotations

import contextlib
import functools
import math
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any, NoReturn, TypeVar, TypeVarTuple, Unpack, cast, final

import attrs
import trio
from trio.lowlevel import Abort

from ._crew import Crew
from ._handle import Handle, State
from ._jobs import Job, Jobs
from ._names import checked, join, name_of
from ._sinks import current_stream
from ._step import not_a_job, strip_cancelled
from ._stopping import current_life

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

    A worker goes from one job to the next without a detour through the loop, but for no more than 32 jobs or 10 ms at a time:
    then it gives others their turn, also whoever else waits for the limiter.

    A job may offer others to its own pool. Where it waits for them while all slots are held by jobs that wait likewise, the
    call raises `PoolWouldDeadlock`; waiting for a handle cannot be seen through in this way.

    All calls are safe from every task; from other threads they go through `trio.from_thread`.

    The workers that rest for some time are those of the pools of h12.io/run; the limiter is trio's.
    """

    name: str
    """What logs and trees call it."""

    limiter: trio.CapacityLimiter
    """How many jobs may run at a time: set its ``total_tokens`` to have more or fewer, and to 0 for a pause."""

    _crew: Crew

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
        job, handle = self._crew.make(fn, args, name)
        if not self._crew.jobs.has_room:
            raise trio.WouldBlock
        self._crew.put(job)
        return handle

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
        crew = self._crew
        job, handle = crew.make(fn, args, name)
        if crew.jobs or self.limiter.available_tokens <= 0:
            raise trio.WouldBlock
        crew.put(job)
        return handle

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
        crew = self._crew
        job, handle = crew.make(fn, args, name)
        if crew.jobs.has_room:
            crew.put(job)
            await trio.lowlevel.cancel_shielded_checkpoint()
            return handle
        crew.offer(job, trio.lowlevel.current_task())
        crew.ask(job)

        def give_up(_: object) -> Abort:
            crew.jobs.retract(job)
            crew.wind_up()
            return Abort.SUCCEEDED

        await trio.lowlevel.wait_task_rescheduled(give_up)
        if job.refused:
            raise crew.refusal(handle.name)
        return handle

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
        crew = self._crew
        job, handle = crew.make(fn, args, name)
        job.caller = trio.lowlevel.current_task()
        if crew.jobs.has_room:
            crew.put(job)
        else:
            crew.offer(job, None)
        crew.ask(job)
        await _wait_for_end(crew, job, handle)
        return cast("T", handle.value)

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
        crew, label = self._crew, name_of(fn) if name is None else name
        if crew.closed:
            raise crew.refusal(label)
        job = functools.partial(fn, *args)
        return await crew.nursery.start(_host, crew, self.run, job, label, name=join(crew.path, label))

    @trio.lowlevel.enable_ki_protection
    def cancel(self, reason: str | None = None) -> None:
        """
        Cancel all jobs and the block, as ``nursery.cancel_scope.cancel()`` does. Returns at once; no job is taken any more.

        Args:
            reason: Why, for logs and for ``trio.Cancelled.reason``.
        """
        crew = self._crew
        crew.break_off(None)
        crew.jobs.drain(reason)
        crew.nursery.cancel_scope.cancel(reason=reason)

    def statistics(self) -> PoolStatistics:
        """
        Return what the pool is doing.
        """
        crew = self._crew
        return PoolStatistics(
            self.limiter.total_tokens, crew.busy, len(crew.parked), len(crew.jobs.queue), crew.jobs.done, crew.failed
        )


@contextlib.asynccontextmanager
async def open_pool(
    size: float | trio.CapacityLimiter,
    *,
    name: str = "pool",
    idle_time: float = 60.0,
    max_waiting: float = math.inf,
) -> AsyncGenerator[Pool]:
    """
    Open a pool for as long as a block lasts.

    Leaving the block waits for every job, and for those that jobs bring in until then. The pool begins with no worker, and has
    one more whenever a job finds none at rest.

    Args:
        size: How many jobs may run at a time: a whole number, or `math.inf`; or a limiter, which may be shared with other pools
            and anything else.
        name: What logs and trees call it.
        idle_time: A worker that has rested for so many seconds ends.
        max_waiting: How many jobs may wait for a slot; 0 for none.

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
    limiter = size if isinstance(size, trio.CapacityLimiter) else trio.CapacityLimiter(_checked_count(size, "size"))
    max_waiting, idle_time = _checked_count(max_waiting, "max_waiting"), _checked_time(idle_time)
    async with trio.open_nursery() as nursery:
        crew = Crew(path, Jobs(limiter, max_waiting), nursery, idle_time, current_stream())
        try:
            yield Pool(name, limiter, crew)
        except BaseException as exc:
            crew.break_off(strip_cancelled(exc))
            raise
        crew.left = True
        crew.wind_up()


def _checked_count(value: float, title: str) -> float:
    if isinstance(value, bool) or not (isinstance(value, int) or value == math.inf):
        raise TypeError(f"open_pool({title}) takes a whole number or math.inf, not {value!r}.")
    if value < 0:
        raise ValueError(f"open_pool({title}) has to be at least 0, not {value!r}.")
    return value


def _checked_time(value: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"open_pool(idle_time=...) takes seconds, not {value!r}.")
    if not value > 0:
        raise ValueError(f"open_pool(idle_time=...) has to be more than 0 seconds, not {value!r}.")
    return value


async def _wait_for_end(crew: Crew, job: Job, handle: Handle[Any]) -> None:
    """
    Sleep until a job is over; when cancelled, cancel it and go on sleeping.
    """
    interrupt: Callable[[], NoReturn] | None = None

    def give_up(raise_cancel: Callable[[], NoReturn]) -> Abort:
        nonlocal interrupt
        if crew.jobs.retract(job):
            crew.wind_up()
            return Abort.SUCCEEDED
        interrupt = raise_cancel
        handle.cancel(f"the call of {crew.path} that waited for it was cancelled")
        return Abort.FAILED

    await trio.lowlevel.wait_task_rescheduled(give_up)
    if job.refused:
        raise crew.refusal(handle.name)
    if interrupt is not None and handle.state is State.CANCELLED:
        interrupt()


async def _host(
    crew: Crew,
    run: Callable[..., Awaitable[object]],
    job: Callable[..., Awaitable[object]],
    name: str,
    *,
    task_status: trio.TaskStatus[Any],
) -> None:
    """
    Wait for a job that was started; once it is ready, in the nursery of the pool.
    """
    try:
        await run(functools.partial(job, task_status=task_status), name=name)
    except Exception as exc:
        if trio.lowlevel.current_task().parent_nursery is not crew.nursery:
            raise  # It is not ready yet, so this is for who started it.
        crew.report(name, exc)
