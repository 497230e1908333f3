"""
Many copies of one child, each with its part of the work.

What belongs together has a key, and all that has one key goes to one copy; so what a copy holds needs no lock. Which one that
is depends on the key and on how many there are, and on nothing else: not on the process, nor on the seed of its hashes.

Laws: equal keys and counts go to the same partition, everywhere. The first partitions stay when their number changes.

From Elixir's PartitionSupervisor.
"""

from __future__ import annotations

import contextlib
import math
import zlib
from collections.abc import AsyncGenerator, Callable
from typing import Any, final

import attrs
import trio

from .._handle import Handle
from ..errors import SupervisorNotRunning, WouldDeadlock
from ._block import hosted
from ._child import Child, as_child, renamed
from ._exits import StopReport
from ._handle import Supervisor
from ._policy import Backoff, Budget


@final
@attrs.define(eq=False, init=False, repr=False)
class Partitions:
    """
    A supervisor with copies of one child, numbered from 0, and a way from a key to the one that it belongs to.

    It is a runner: nest it as a child, run it, or open it for a block with `open_partitions`. If one partition fails it alone
    is started again. What is said of the calls of a `Supervisor` holds here too: they are safe from every task, and not from
    other threads.

    Args:
        name: What logs and trees call it.
        make: Called with each number from 0 on, once, when that partition is first needed; returns the `Child` or runner. The
            number is the name that it gets.
        count: How many there are to begin with; at least 1.
        budget: How many restarts are forgiven, to all together.
        backoff: How long to wait before a restart.
        grace: At most so many seconds pass between a request to stop and the moment that the last one is cancelled.

    Raises:
        TypeError: *count* is not a whole number, or what *make* returns cannot run.
        ValueError: *count* is below 1, or the budget could never be spent.
    """

    supervisor: Supervisor
    """The supervisor below; partition 3 is its child ``"3"``."""

    _make: Callable[[int], object]
    _made: list[Child]
    _count: int
    _resizing: trio.Lock

    def __init__(
        self,
        name: str,
        make: Callable[[int], object],
        *,
        count: int,
        budget: Budget | None = None,
        backoff: Backoff | None = None,
        grace: float = math.inf,
    ) -> None:
        self._make, self._made = make, []
        self._count = _checked(count, least=1)
        self._resizing = trio.Lock()
        self.supervisor = Supervisor(name, *self._children(count), budget=budget, backoff=backoff, grace=grace)

    def __repr__(self) -> str:
        return f"<Partitions {self.name}, {self._count} of them>"

    @property
    def name(self) -> str:
        """
        What logs and trees call it.
        """
        return self.supervisor.name

    @property
    def grace(self) -> float:
        """
        At most so many seconds pass between a request to stop and the moment that the last one is cancelled.
        """
        return self.supervisor.grace

    @property
    def count(self) -> int:
        """
        How many partitions there are.
        """
        return self._count

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> StopReport:
        """
        Run the partitions until asked to stop, as `Supervisor.run` does; there are as many as in the beginning.
        """
        self._count = len(self.supervisor.plan)
        return await self.supervisor.run(task_status=task_status)

    def number_of(self, key: str | bytes | int) -> int:
        """
        Return the number of the partition that *key* belongs to.

        A whole number goes to the one of its absolute value, counted round; text, and bytes, to that of their CRC-32. Text is
        taken as UTF-8.

        Raises:
            TypeError: *key* is something else.
            ValueError: There are no partitions.
        """
        if self._count == 0:
            raise ValueError(f"{self.supervisor.path} has no partitions: resize() it to at least 1.")
        if isinstance(key, int):
            return abs(key) % self._count
        if isinstance(key, str):
            key = key.encode("utf-8", "surrogatepass")
        if isinstance(key, bytes):
            return zlib.crc32(key) % self._count
        raise TypeError(f"A key is a str, bytes or an int, not {key!r}: make one of what has to stay together.")

    def route(self, key: str | bytes | int) -> Handle[Any]:
        """
        Return the handle of the partition that *key* belongs to.

        Its ``ready_value`` is what the partition gave to ``task_status.started()`` last: a channel to send work to, for
        example. A partition may be between two lives; see `wait_ready`.

        Raises:
            SupervisorNotRunning: It does not run.
            TypeError: *key* is not a str, bytes or an int.
            ValueError: There are no partitions.
        """
        return self.supervisor.get(str(self.number_of(key)))

    async def wait_ready(self, key: str | bytes | int) -> Handle[Any]:
        """
        Wait until the partition that *key* belongs to is ready, and return its handle; otherwise as `Supervisor.wait_ready`.
        """
        return await self.supervisor.wait_ready(str(self.number_of(key)))

    async def resize(self, count: int) -> None:
        """
        Have another number of partitions.

        Those that are new are started, and the call returns when they are ready; those that are too many are stopped, the last
        first, and the call returns when they are gone. All others stay, but most keys belong to another one from now on.

        Args:
            count: How many; at least 0.

        Raises:
            StartFailed: A new one is down for good before it was ready.
            SupervisorNotRunning: It does not run; `SupervisorStopping` or `SupervisorStopped` if it did.
            TypeError: *count* is not a whole number.
            ValueError: *count* is below 0.
            WouldDeadlock: The caller is a part of one that has to go.

        Cancellation:
            While it waits for another resize, or for a partition of that number to be gone, nothing is changed yet. After
            that, it ends the wait only.
        """
        _checked(count, least=0)
        async with self._resizing:
            if count < self._count:
                await self._shrink(count)
            else:
                await self._grow(count)

    async def _shrink(self, count: int) -> None:
        await trio.lowlevel.checkpoint_if_cancelled()
        before, self._count = self._count, count
        try:
            await self.supervisor.reconfigure(self._children(count))
        except (SupervisorNotRunning, WouldDeadlock):  # It was refused.
            self._count = before
            raise

    async def _grow(self, count: int) -> None:
        new = self._children(count)[self._count :]
        for child in new:
            if child.name in {each.name for each in self.supervisor.children}:
                await self.supervisor.wait_exit(child.name)  # It has to go, and is on its way.
        await trio.lowlevel.checkpoint_if_cancelled()
        for child in new:
            self.supervisor.start_soon(child)
        self._count = count
        for child in new:
            await self.supervisor.wait_ready(child.name)

    def _children(self, count: int) -> list[Child]:
        for number in range(len(self._made), count):
            self._made.append(renamed(as_child(self._make(number)), str(number)))
        return self._made[:count]


@contextlib.asynccontextmanager
async def open_partitions(
    name: str,
    make: Callable[[int], object],
    *,
    count: int,
    budget: Budget | None = None,
    backoff: Backoff | None = None,
    grace: float = math.inf,
) -> AsyncGenerator[Partitions]:
    """
    Run partitions for as long as a block lasts, as `open_supervisor` does with children.

    Args:
        name: What logs and trees call them together.
        make: Called with each number from 0 on; returns the `Child` or runner.
        count: How many there are to begin with.
        budget: How many restarts are forgiven, to all together.
        backoff: How long to wait before a restart.
        grace: At most so many seconds pass between leaving the block and cancelling the last one.

    Yields:
        The partitions, all of them ready.

    Raises:
        StartFailed: One of them did not start.
        GaveUp: A budget was spent, or one of them raised `Escalate` or was classified so.
        ExceptionGroup: The block raised, as with a nursery; or partitions failed while they were stopped.
        TypeError: Something cannot run, or has the wrong type.
        ValueError: As for `Partitions`.

    Cancellation:
        The block is cancelled, and the partitions one after another. An exception in the block does the same.
    """
    partitions = Partitions(name, make, count=count, budget=budget, backoff=backoff, grace=grace)
    async with hosted(partitions.supervisor):
        yield partitions


def _checked(count: object, *, least: int) -> int:
    if isinstance(count, bool) or not isinstance(count, int):
        raise TypeError(f"The number of partitions is a whole number, not {count!r}.")
    if count < least:
        raise ValueError(f"The number of partitions is at least {least}, not {count}.")
    return count
