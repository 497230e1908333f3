"""
The jobs of a pool that have not begun: what waits for room, what waits for a slot, and who waits for them.

A job that there is room for is taken, and waits in the queue. One that there is none for is only offered: it waits in line
behind the queue. Who runs jobs, and when, is for the crew.

Laws: jobs are taken in the order in which they were offered, and begin in the order in which they were taken. A job is settled
once. Nobody waits here where nobody could wake him.
"""

from __future__ import annotations

import contextvars
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Protocol, cast

import attrs
import trio
from trio.lowlevel import Task, reschedule

from ._handle import Handle, State, settle


class Owner(Protocol):
    """
    Who takes a job back that has not begun.
    """

    def withdraw(self, job: Job, reason: str | None) -> None:
        """
        Cancel it.
        """


class Doer(Protocol):
    """
    Who runs a job.
    """

    def stop(self, reason: str | None) -> None:
        """
        Cancel the present job.
        """


@attrs.define(eq=False)
class Job:
    """
    A job of a pool, from the offer to the end.
    """

    owner: Owner
    fn: Callable[..., object]
    args: tuple[Any, ...]
    context: contextvars.Context
    handle: Handle[Any] | None = None
    """Where the outcome will be; None once the job has begun or was given up."""

    doer: Doer | None = None
    """Who has begun it."""

    caller: Task | None = None
    """Who sleeps until it is over."""

    asker: object = None
    """Who has a slot, and waits until it is taken or over."""

    refused: bool = False
    """Whether the pool closed before it was taken."""

    def cancel(self, reason: str | None) -> None:
        """
        Cancel it, wherever it stands.
        """
        if self.doer is None:
            self.owner.withdraw(self, reason)
        else:
            self.doer.stop(reason)


@attrs.define(eq=False)
class Jobs:
    """
    The queue, and the line behind it.
    """

    limiter: trio.CapacityLimiter
    max_waiting: float

    queue: OrderedDict[Job, None] = attrs.field(factory=OrderedDict)
    """Jobs that were taken."""

    offered: OrderedDict[Job, Task | None] = attrs.field(factory=OrderedDict)
    """Jobs that were not, with who sleeps until they are."""

    askers: dict[object, int] = attrs.field(factory=dict)
    """Who has a slot, and waits for so many jobs."""

    done: int = 0
    """How many jobs are over."""

    def __bool__(self) -> bool:
        return bool(self.queue or self.offered)

    @property
    def has_room(self) -> bool:
        """
        Whether a job can be taken now, and nobody came before.
        """
        return not self.offered and (len(self.queue) < self.max_waiting or self.limiter.available_tokens > 0)

    def take(self) -> Job | None:
        """
        Return the job whose turn it is to begin.
        """
        if self.queue:
            job, _ = self.queue.popitem(last=False)
            if self.offered:
                self._fill()
            return job
        return self._accept() if self.offered else None

    def _fill(self) -> None:
        """
        Take what was offered first, if there is room.
        """
        if self.offered and len(self.queue) < self.max_waiting:
            self.queue[self._accept()] = None

    def _accept(self) -> Job:
        job, submitter = self.offered.popitem(last=False)
        if submitter is not None:
            self._unask(job)
            reschedule(submitter)
        return job

    def withdraw(self, job: Job, reason: str | None) -> None:
        """
        Settle a job that was taken and has not begun: it never will.
        """
        handle, job.handle = cast("Handle[Any]", job.handle), None
        if job in self.queue:
            del self.queue[job]
            self._fill()
        self._unask(job)
        self.settle(job, handle, State.CANCELLED, reason=reason)

    def step_back(self, job: Job) -> None:
        """
        Forget a job that was offered and not taken.
        """
        del self.offered[job]
        job.handle = None
        self._unask(job)

    def retract(self, job: Job) -> bool:
        """
        Give up a job for its caller, who is awake; tell whether that could be done, for it cannot once it has begun.
        """
        if job.handle is None:
            return False
        job.caller = None
        if job in self.offered:
            self.step_back(job)
        else:
            self.withdraw(job, None)
        return True

    def drain(self, reason: str | None) -> None:
        """
        Refuse what was offered, and withdraw what was taken.
        """
        for job, submitter in tuple(self.offered.items()):
            self.step_back(job)
            job.refused = True
            reschedule(cast("Task", submitter or job.caller))
        for job in tuple(self.queue):
            self.withdraw(job, reason)

    def settle(
        self,
        job: Job,
        handle: Handle[Any],
        state: State,
        value: object = None,
        *,
        error: BaseException | None = None,
        reason: str | None = None,
    ) -> None:
        """
        Set the outcome of a job, and wake its caller.
        """
        self.done += 1
        settle(handle, state, value=value, error=error, reason=reason)
        if job.caller is not None:
            self._unask(job)
            reschedule(job.caller)

    def ask(self, job: Job, asker: object) -> None:
        """
        Note that *asker*, who has a slot, waits for *job*.
        """
        job.asker = asker
        self.askers[asker] = self.askers.get(asker, 0) + 1

    @property
    def stuck(self) -> bool:
        """
        Whether all slots are held by such as wait for jobs, so that none will ever be free.
        """
        return self.limiter.borrowed_tokens <= len(self.askers)

    def _unask(self, job: Job) -> None:
        asker, job.asker = job.asker, None
        if asker is not None:
            self.askers[asker] -= 1
            if not self.askers[asker]:
                del self.askers[asker]
