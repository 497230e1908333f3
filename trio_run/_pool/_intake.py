"""
The intake of a pool: who may offer a job, who waits for what, and what comes of waiting.

Pools, groups and maps offer through it. What is taken goes to the crew.

Laws: a job that is not taken raises; none is dropped. A wait that would never end raises, where that can be seen.
"""

from __future__ import annotations

# pyright: reportPrivateUsage=false
# A job is a handle, and is made here.
import contextlib
import math
from collections.abc import Callable
from contextvars import copy_context
from types import FunctionType
from typing import Any, ClassVar, NoReturn

import attrs
import trio
from trio.lowlevel import Abort, Task, reschedule

from .._handle import State
from .._names import name_of
from .._step import not_a_job
from .._thread import check_thread
from ..errors import Closed, WouldDeadlock
from ..events import PoolSaturated
from ._job import Audience, Job
from ._waiters import awaiting, caller_name, dependent_workers, holders
from ._waits import Waits
from ._worker import Worker

_WAITING = State.WAITING
_new = object.__new__


@attrs.define(eq=False)
class Intake(Waits):
    """
    The way into one pool.
    """

    def make(self, fn: Callable[..., object], args: tuple[Any, ...], name: str | None) -> Job:
        """
        Make a job, in a copy of the present context.
        """
        if type(fn) is not FunctionType:
            if not callable(fn):
                raise not_a_job(fn)
            name = name_of(fn) if name is None else name
        elif name is None:
            name = fn.__name__
            if name == "<lambda>":
                name = name_of(fn)
        crew = self.crew
        if crew.over or (crew.left and crew.deserted):
            raise self.refusal(name)
        job = _new(Job)  # Without __init__, and one field after the other, since that is the fastest.
        job.owner = self
        job.name = name
        job.fn = fn
        job.args = args
        job.context = copy_context()
        job.since = crew.now()
        job.state = _WAITING
        job.ready_value = job._canceller = job._value = job._error = job._reason = job._changed = job._guard = None  # noqa: SLF001
        job.doer = job.audience = job.askers = None
        job._ready = job.refused = False  # noqa: SLF001
        return job

    @property
    def closed(self) -> bool:
        """
        Whether no job is taken any more.
        """
        return self.crew.over or self.crew.deserted

    def refusal(self, name: str) -> Closed:
        """
        Return the error for a job that came too late.
        """
        refusal = Closed(self.crew.path, name)
        refusal.__cause__ = self.crew.failure
        return refusal

    def put(self, job: Job) -> None:
        """
        Take a job, or raise `trio.WouldBlock`.
        """
        jobs = self.jobs
        if jobs.bounded and (jobs.offered or len(jobs.queue) >= jobs.max_waiting) and not jobs.has_room:
            self._tell_saturated()
            raise trio.WouldBlock
        crew = self.crew
        if crew.lined_up is not None:
            jobs.queue.append(job)
            return
        check_thread(crew.home, crew.path, "Offer the job through trio.from_thread.run_sync.")
        jobs.queue.append(job)
        crew.dispatch()

    def put_at_once(self, job: Job) -> None:
        """
        Take a job that can begin now, or raise `trio.WouldBlock`.
        """
        if self.jobs or self.jobs.limiter.available_tokens <= 0:
            raise trio.WouldBlock
        self.put(job)

    def line_up(self, job: Job, submitter: Task | None) -> None:
        """
        Take a job, or put it in line; *submitter* sleeps until it is taken.
        """
        if self.jobs.has_room:
            self.put(job)
            return
        self._tell_saturated()
        self.jobs.offered[job] = submitter
        self.crew.dispatch()

    def _tell_saturated(self) -> None:
        crew = self.crew
        if not crew.saturated:
            crew.saturated = True
            limiter, waiting = self.jobs.limiter, self.jobs.waiting
            crew.stream.send(PoolSaturated, crew.path, total=limiter.total_tokens, waiting=waiting)

    async def submit(self, job: Job, asker: Worker | None) -> None:
        """
        Wait until a job is taken; *asker* has a slot meanwhile.
        """
        if self.jobs.has_room:
            self.put(job)
            if job.audience is not None:
                job.audience.note_taken(job)  # It may begin before this task goes on.
            await trio.lowlevel.cancel_shielded_checkpoint()
            return
        self.line_up(job, trio.lowlevel.current_task())
        self.note(job, asker)

        def give_up(_: object) -> Abort:
            self.jobs.retract(job)
            self.crew.wind_up()
            return Abort.SUCCEEDED

        await trio.lowlevel.wait_task_rescheduled(give_up)
        if job.refused:
            raise self.refusal(job.name)

    async def run(self, job: Job) -> None:
        """
        Wait until a job is over; cancel it if the present task is cancelled.
        """
        interrupt: Callable[[], NoReturn] | None = None
        job.audience = Caller(trio.lowlevel.current_task())
        self.line_up(job, None)
        self.note(job, self.asker())

        def give_up(raise_cancel: Callable[[], NoReturn]) -> Abort:
            nonlocal interrupt
            if self.jobs.retract(job):
                self.crew.wind_up()
                return Abort.SUCCEEDED
            interrupt = raise_cancel
            job.cancel(f"the call of {self.crew.path} that waited for it was cancelled")
            return Abort.FAILED

        await trio.lowlevel.wait_task_rescheduled(give_up)
        if job.refused:
            raise self.refusal(job.name)
        if interrupt is not None and job.state is State.CANCELLED:
            interrupt()

    async def wait_idle(self) -> None:
        """
        Wait until all jobs are over.

        Raises:
            WouldDeadlock: The present task is one of them, or they wait for a slot that it has.
        """
        crew, endless = self.crew, trio.current_effective_deadline() == math.inf
        if any(holder.crew is crew for holder in (dependent_workers() if endless else holders())):
            raise WouldDeadlock(crew.path, caller_name())
        with awaiting(crew) if endless else contextlib.nullcontext():
            await trio.lowlevel.checkpoint()
            while not crew.all_over:
                if crew.idle is None:
                    crew.idle = trio.Event()
                with self.waiting():
                    await crew.idle.wait()

    def withdraw(self, job: Job, reason: str | None) -> None:
        """
        Cancel a job that has not begun.
        """
        self.jobs.withdraw(job, reason)
        self.crew.wind_up()


@attrs.define(eq=False)
class Caller(Audience):
    """
    A task that sleeps until a job is over.
    """

    task: Task
    holds: ClassVar[type[BaseException]] = BaseException

    def hear(self, job: Job) -> None:
        """
        Wake it.
        """
        del job
        reschedule(self.task)
