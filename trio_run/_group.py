"""
A group: jobs that succeed together. The first failure cancels the rest.

Its state is its nursery; what comes on top is a handle for each job. On a pool, the job's task only waits for a worker to do it.

Laws: the first error is known before anybody is cancelled for it. Cancelled is no error. A job that is not taken raises; none
is dropped. When the block is over so are all jobs.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any, TypeVar, TypeVarTuple, Unpack, final

import attrs
import trio

from ._handle import Handle, State, make_handle, note_running, settle
from ._names import checked, join, name_of
from ._pool import Pool
from ._step import call, not_a_job, strip_cancelled, without_cancelled
from ._stopping import current_life
from .errors import Closed

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

    _path: str
    _nursery: trio.Nursery
    _pool: Pool | None
    _tally: _Tally

    def __repr__(self) -> str:
        return f"<Group {self.name}: {self._tally.running} running, {self._tally.waiting} waiting>"

    @property
    def first_error(self) -> BaseException | None:
        """
        What failed first, a job or the block; None as long as nothing has.
        """
        return self._tally.first_error

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
        handle, scope = self._admit(fn, name)
        self._nursery.start_soon(self._host, handle, scope, fn, args, name=join(self._path, handle.name))
        return handle

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
        handle, scope = self._admit(fn, name)
        return await self._nursery.start(self._host, handle, scope, fn, args, name=join(self._path, handle.name))

    def cancel(self, reason: str | None = None) -> None:
        """
        Cancel all jobs and the block, as ``nursery.cancel_scope.cancel()`` does. Returns at once; no job is taken any more.

        Args:
            reason: Why, for logs and for ``trio.Cancelled.reason``.
        """
        self._nursery.cancel_scope.cancel(reason=reason)

    def statistics(self) -> GroupStatistics:
        """
        Return what the group is doing.
        """
        now = self._tally
        return GroupStatistics(now.waiting, now.running, now.done, now.failed)

    def _admit(self, fn: Callable[..., object], name: str | None) -> tuple[Handle[Any], trio.CancelScope]:
        if not callable(fn):
            raise not_a_job(fn)
        label = name_of(fn) if name is None else name
        tally = self._tally
        over = tally.left and not tally.waiting and not tally.running
        if over or self._nursery.cancel_scope.cancel_called:
            raise Closed(self._path, label) from tally.first_error
        scope = trio.CancelScope()
        tally.waiting += 1
        return make_handle(label, lambda reason: scope.cancel(reason=reason)), scope

    async def _host(
        self,
        handle: Handle[Any],
        scope: trio.CancelScope,
        fn: Callable[..., object],
        args: tuple[Any, ...],
        *,
        task_status: trio.TaskStatus[Any] | None = None,
    ) -> None:
        if task_status is not None:
            fn = functools.partial(fn, task_status=task_status)
        path, value = join(self._path, handle.name), None
        tally = self._tally
        try:
            with scope:
                if self._pool is None:
                    value = await tally.begin(handle, fn, args)
                else:
                    value = await self._pool.run(tally.begin, handle, fn, args, name=handle.name)
        except BaseException as exc:
            error = without_cancelled(exc, path)
            if error is None:
                tally.end(handle, State.CANCELLED, reason=getattr(exc, "reason", None))
                raise
            if trio.lowlevel.current_task().parent_nursery is self._nursery:  # Otherwise it is for who called `start`.
                tally.remember(error)
            tally.end(handle, State.FAILED, error=error)
            raise error  # noqa: B904 - it is what was caught, or a part of it, or has it as its cause
        tally.end(handle, State.CANCELLED if scope.cancelled_caught else State.FINISHED, value)


@attrs.define(eq=False)
class _Tally:
    """
    What there is to know of a group beyond its nursery.
    """

    first_error: BaseException | None = None
    left: bool = False
    """Whether the block is over."""

    waiting: int = 0
    running: int = 0
    done: int = 0
    failed: int = 0

    async def begin(self, handle: Handle[Any], fn: Callable[..., object], args: tuple[Any, ...]) -> object:
        """
        Run a job.
        """
        self.waiting -= 1
        self.running += 1
        note_running(handle)
        return await call(fn, args)

    def end(
        self,
        handle: Handle[Any],
        state: State,
        value: object = None,
        *,
        error: BaseException | None = None,
        reason: str | None = None,
    ) -> None:
        """
        Settle a job.
        """
        if handle.state is State.WAITING:
            self.waiting -= 1
        else:
            self.running -= 1
        self.done += 1
        self.failed += state is State.FAILED
        settle(handle, state, value=value, error=error, reason=reason)

    def remember(self, error: BaseException | None) -> None:
        """
        Keep the first error.
        """
        if self.first_error is None:
            self.first_error = error


@contextlib.asynccontextmanager
async def open_group(*, name: str = "group", pool: Pool | None = None) -> AsyncGenerator[Group]:
    """
    Open a group for as long as a block lasts.

    Leaving the block waits for every job, and for those that jobs bring in until then.

    Args:
        name: What logs and trees call it.
        pool: Where the jobs run, if not each in a task of its own. It may serve several groups, and outlive them.

    Yields:
        The group, which takes jobs from every task.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: The name is no step of a path.
        ExceptionGroup: Jobs failed, or the block raised: all errors, as from a nursery.
        BaseExceptionGroup: One of them is no `Exception`.

    Cancellation:
        All jobs are cancelled, on a pool too, and the block ends when all are gone. An exception in the block does the same.
    """
    if pool is not None and not isinstance(pool, Pool):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"open_group(pool=...) takes a pool from open_pool, not {pool!r}.")
    life = current_life()
    path = join("" if life is None else life.path, checked(name, "a group"))
    tally = _Tally()
    async with trio.open_nursery() as nursery:
        try:
            yield Group(name, path, nursery, pool, tally)
        except BaseException as exc:
            tally.remember(strip_cancelled(exc))
            raise
        finally:
            tally.left = True
