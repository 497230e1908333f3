"""
The jobs of a pool that have not begun: what waits for room, what waits for a slot, and who waits for them.

A job that there is room for is taken, and waits in the queue. One that there is none for is only offered: it waits in line
behind the queue. Who runs jobs, and when, is for the crew.

Laws: jobs are taken in the order in which they were offered, and begin in the order in which they were taken. A job is settled
once. Nobody waits here where nobody could wake him.
"""

from __future__ import annotations

# pyright: reportPrivateUsage=false
# A job is a handle, and this file its owner.
import math
from collections import OrderedDict, deque
from typing import cast

import attrs
import trio
from trio.lowlevel import Task, reschedule

from .._handle import State, settle, wake
from ._job import NO_CONTEXT, Askers, Job, askers_of, nothing

_WAITING, _FINISHED = State.WAITING, State.FINISHED


@attrs.define(eq=False)
class Jobs:
    """
    The queue, and the line behind it.
    """

    limiter: trio.CapacityLimiter
    max_waiting: float

    bounded: bool = attrs.field(init=False)
    """Whether there may be no room; otherwise nothing is ever offered and not taken."""

    queue: deque[Job] = attrs.field(factory=deque)
    """Jobs that were taken, and those among them that were withdrawn since."""

    withdrawn: int = 0
    """How many of them were withdrawn: to take one out of the middle would cost as much as there are."""

    offered: OrderedDict[Job, Task | None] = attrs.field(factory=OrderedDict)
    """Jobs that were not taken, with who sleeps until they are."""

    askers: Askers = attrs.field(init=False)
    """Who has a slot of the limiter, and waits for jobs."""

    done: int = 0
    """How many jobs are over."""

    def __attrs_post_init__(self) -> None:
        self.bounded = self.max_waiting < math.inf
        self.askers = askers_of(self.limiter)

    def __bool__(self) -> bool:
        return len(self.queue) > self.withdrawn or bool(self.offered)

    @property
    def waiting(self) -> int:
        """
        How many jobs were taken, and wait.
        """
        return len(self.queue) - self.withdrawn

    @property
    def has_room(self) -> bool:
        """
        Whether a job can be taken now, and nobody came before.
        """
        return not self.offered and (
            len(self.queue) - self.withdrawn < self.max_waiting or self.limiter.available_tokens > 0
        )

    @property
    def oldest(self) -> Job | None:
        """
        The job that has waited longest.
        """
        self._tidy()
        return self.queue[0] if self.queue else next(iter(self.offered), None)

    def take(self) -> Job | None:
        """
        Return the job whose turn it is to begin.
        """
        queue = self.queue
        while queue:
            job = queue.popleft()
            if job.state is _WAITING:
                if self.offered:
                    self._fill()
                return job
            self.withdrawn -= 1
        return self._accept() if self.offered else None

    def put_back(self, job: Job) -> None:
        """
        Have a job that was taken out to begin wait all the same: its slot was taken away.
        """
        job.doer = None
        self.queue.appendleft(job)

    def _fill(self) -> None:
        """
        Take what was offered first, if there is room.
        """
        if self.offered and self.waiting < self.max_waiting:
            self.queue.append(self._accept())

    def _accept(self) -> Job:
        job, submitter = self.offered.popitem(last=False)
        if submitter is not None:
            self.askers.clear(job)
            if job.audience is not None:
                job.audience.note_taken(job)
            reschedule(submitter)
        return job

    def _tidy(self) -> None:
        """
        Drop what was withdrawn from the head of the queue; and from all of it, where it is most of it.
        """
        queue = self.queue
        if self.withdrawn * 2 > len(queue):
            live = [job for job in queue if job.state is _WAITING]
            queue.clear()
            queue.extend(live)
            self.withdrawn = 0
        while queue and queue[0].state is not _WAITING:
            queue.popleft()
            self.withdrawn -= 1

    def withdraw(self, job: Job, reason: str | None) -> None:
        """
        Settle a job that has not begun: it never will.
        """
        doer = job.doer
        if doer is None:
            if job in self.offered:
                submitter = self.offered.pop(job)
                if submitter is not None:
                    job.refused = True
                    reschedule(submitter)
            else:
                self.withdrawn += 1
        self.settle(job, State.CANCELLED, reason=reason)
        if doer is not None:
            doer.drop()
        self._tidy()
        self._fill()

    def step_back(self, job: Job) -> None:
        """
        Forget a job that was offered and not taken.
        """
        del self.offered[job]
        job.state = State.CANCELLED
        job.forget()
        self.askers.clear(job)

    def retract(self, job: Job) -> bool:
        """
        Give up a job for its caller, who is awake; tell whether that could be done, for it cannot once it has begun.
        """
        if job.state is not _WAITING:
            return False
        job.audience = None
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
            reschedule(cast("Task", submitter or (job.audience and job.audience.task)))
        for job in tuple(self.queue):
            if job.state is _WAITING:
                self.withdraw(job, reason)

    def finish(self, job: Job, value: object) -> None:
        """
        Settle a job that returned: this is `settle`, for the case where time counts.
        """
        self.done += 1
        job.state = _FINISHED
        job._value = value  # noqa: SLF001
        job.fn = nothing
        job.args = ()
        job.context = NO_CONTEXT
        job.doer = None
        if job._changed is not None or job.askers is not None or job.audience is not None:  # noqa: SLF001
            self._tell(job)

    def settle(self, job: Job, state: State, *, error: BaseException | None = None, reason: str | None = None) -> None:
        """
        Set the outcome of a job that did not return.
        """
        self.done += 1
        settle(job, state, error=error, reason=reason)
        job.forget()
        self._tell(job)

    def _tell(self, job: Job) -> None:
        self.askers.clear(job)
        wake(job)
        audience, job.audience = job.audience, None
        if audience is not None:
            audience.hear(job)
