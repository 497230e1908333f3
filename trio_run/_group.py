"""
A group: jobs that succeed together. The first failure cancels the rest.

Its state is its nursery; what comes on top is a handle for each job. On a pool, the job's task only waits for a worker to do it.

Laws: the first error is known before anybody is cancelled for it. Cancelled is no error. A job that is not taken raises; none
is dropped. When the block is over so are all jobs.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any, TypeVar, TypeVarTuple, Unpack, final

import attrs
import trio

from ._admission import Admission
from ._handle import Handle, State
from ._members import Members, OnFailure
from ._names import checked, join
from ._pool import Jobs, Pool, checked_count, intake_of, limiter_of, make_intake
from ._sinks import current_stream
from ._step import strip_cancelled
from ._stopping import current_life

T = TypeVar("T")
PosArgsT = TypeVarTuple("PosArgsT")


@attrs.frozen
class GroupStatistics:
    """
    What a group is doing: a picture of one moment.
    """

    waiting: int
    """Jobs that have not begun."""

    running: int
    """Jobs that have begun and are not over."""

    done: int
    """Jobs that are over, whatever their outcome."""

    failed: int
    """Jobs that raised."""


@final
@attrs.define(eq=False, repr=False)
class Group:
    """
    Runs jobs that succeed together, each with a handle. Made by `open_group`.

    It is a nursery, and can be given wherever one is asked for: a job may start others, a failure cancels everything, and the
    block ends when all are gone. As in a nursery each job begins, even if it was cancelled before, up to its first checkpoint; on
    a pool one that is cancelled before its turn does not.

    All calls are safe from every task; from other threads they go through `trio.from_thread`.

    That one group fits all kinds of work, and can use a pool that outlives it, is the idea of h12.io/run; that the first error
    is the one to remember, of Go's errgroup.
    """

    name: str
    """What logs and trees call it."""

    limiter: trio.CapacityLimiter | None
    """How many jobs may run at a time: set its ``total_tokens`` to have more or fewer, and to 0 for a pause. None for any number."""

    _members: Members
    _admission: Admission

    def __repr__(self) -> str:
        now = self.statistics()
        return f"<Group {self.name}: {now.running} running, {now.waiting} waiting>"

    @property
    def first_error(self) -> BaseException | None:
        """
        What failed first, a job or the block; None as long as nothing has.
        """
        return self._members.first_error

    def start_soon(
        self, fn: Callable[[Unpack[PosArgsT]], Awaitable[T]], *args: *PosArgsT, name: str | None = None
    ) -> Handle[T]:
        """
        Start a job, without waiting for anything.

        Args:
            fn: An async function.
            *args: Its arguments; keyword arguments go into a `functools.partial`.
            name: What logs call the job.

        Returns:
            The handle of the job. To cancel it ends this job only, and is no failure.

        Raises:
            Closed: The group has failed, was cancelled, or is over. The ``__cause__`` is the first error.
            TypeError: *fn* cannot be called.
        """
        return self._admission.put(fn, args, name)

    @trio.lowlevel.enable_ki_protection
    def submit_nowait(
        self, fn: Callable[[Unpack[PosArgsT]], Awaitable[T]], *args: *PosArgsT, name: str | None = None
    ) -> Handle[T]:
        """
        Start a job, if it can begin at once.

        The arguments are those of `start_soon`.

        Returns:
            The handle of the job.

        Raises:
            trio.WouldBlock: No slot is free.
            Closed: The group has failed, was cancelled, or is over. The ``__cause__`` is the first error.
            TypeError: *fn* cannot be called.
        """
        return self._admission.put_at_once(fn, args, name)

    @trio.lowlevel.enable_ki_protection
    async def submit(
        self, fn: Callable[[Unpack[PosArgsT]], Awaitable[T]], *args: *PosArgsT, name: str | None = None
    ) -> Handle[T]:
        """
        Start a job, as soon as there is room for it.

        The arguments are those of `start_soon`.

        Returns:
            The handle of the job, which may not have begun.

        Raises:
            Closed: The group has failed, was cancelled, or is over, or was before there was room.
            PoolWouldDeadlock: There would never be room, since all slots are held by jobs that wait here.
            TypeError: *fn* cannot be called.

        Cancellation:
            Then the job is not taken.
        """
        return await self._admission.submit(fn, args, name)

    async def start(self, fn: Callable[..., Awaitable[object]], *args: object, name: str | None = None) -> Any:  # noqa: ANN401 - as in trio.Nursery.start
        """
        Start a job that takes ``task_status``, and wait until it says that it is ready.

        The arguments are those of `start_soon`, and the meaning is that of `trio.Nursery.start`: until it is ready, the job is
        a part of this call.

        Returns:
            What it gave to ``task_status.started()``.

        Raises:
            BaseException: The job failed before it was ready; this is the very error it raised.
            RuntimeError: It returned before it was ready.
            Closed: The group has failed, was cancelled, or is over. The ``__cause__`` is the first error.
            TypeError: *fn* cannot be called.

        Cancellation:
            Cancels the job as long as it is not ready, and waits until it is gone.
        """
        return await self._admission.start(fn, args, name)

    async def wait_idle(self) -> None:
        """
        Wait until no job runs or waits, which says nothing of those that are started next.

        Raises:
            WouldDeadlock: It was called from inside of a job.

        Cancellation:
            Ends the wait.
        """
        await self._admission.wait_idle()

    def cancel(self, reason: str | None = None) -> None:
        """
        Cancel all jobs and the block, as ``nursery.cancel_scope.cancel()`` does. Returns at once; no job is taken any more.

        Args:
            reason: Why, for logs and for ``trio.Cancelled.reason``.
        """
        self._members.nursery.cancel_scope.cancel(reason=reason)

    def statistics(self) -> GroupStatistics:
        """
        Return what the group is doing.
        """
        now = self._members
        begun = sum(job.state is not State.WAITING for job in now.jobs)
        return GroupStatistics(now.waiting + len(now.jobs) - begun, now.running + begun, now.done, now.failed)


@contextlib.asynccontextmanager
async def open_group(
    *,
    name: str = "group",
    pool: Pool | None = None,
    limit: float | trio.CapacityLimiter = math.inf,
    max_waiting: float = math.inf,
    on_failure: OnFailure | str = OnFailure.CANCEL,
) -> AsyncGenerator[Group]:
    """
    Open a group for as long as a block lasts.

    Leaving the block waits for every job, and for those that jobs bring in until then.

    Args:
        name: What logs and trees call it.
        pool: Where the jobs run. It may serve several groups, and outlive them.
        limit: How many jobs may run at a time, where there is no *pool*: a whole number, or a limiter.
        max_waiting: How many jobs may wait for a slot, where there is a *limit*.
        on_failure: What a failure means for the others: ``"cancel"`` or ``"collect"``.

    Yields:
        The group, which takes jobs from every task.

    Raises:
        TypeError: An argument has the wrong type, or both *pool* and *limit* are given.
        ValueError: A number is out of range, *max_waiting* has no *limit*, or the name is no step of a path.
        ExceptionGroup: Jobs failed, or the block raised: all errors, as from a nursery.
        BaseExceptionGroup: One of them is no `Exception`.

    Cancellation:
        All jobs are cancelled, on a pool too, and the block ends when all are gone. An exception in the block does the same.
    """
    if pool is not None and not isinstance(pool, Pool):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"open_group(pool=...) takes a pool from open_pool, not {pool!r}.")
    if pool is not None and (limit, max_waiting) != (math.inf, math.inf):
        raise TypeError("open_group takes a pool or a limit, not both: a pool has its own.")
    if limit == math.inf != max_waiting:
        raise ValueError("open_group(max_waiting=...) needs a limit: without one no job waits. Pass limit=... as well.")
    limiter, on_failure = limiter_of(limit, "open_group(limit)"), OnFailure(on_failure)
    jobs = Jobs(limiter, checked_count(max_waiting, "open_group(max_waiting)"))
    life = current_life()
    path = join("" if life is None else life.path, checked(name, "a group"))
    async with trio.open_nursery() as nursery:
        intake = intake_of(pool) if pool is not None else None
        asker = None if intake is None else intake.asker()
        if pool is None and limit != math.inf:  # A limiter may be of no limit just now.
            intake = make_intake(path, jobs, nursery)
        members = Members(path, nursery, current_stream(), on_failure, intake, asker)
        if intake is not None or on_failure is OnFailure.COLLECT:
            nursery.start_soon(members.stay, name=f"{path} members")
        try:
            yield Group(name, None if intake is None else intake.jobs.limiter, members, Admission(members))
        except BaseException as exc:
            members.remember(strip_cancelled(exc))
            raise
        finally:
            members.left = True
            members.look()
