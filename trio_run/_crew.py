"""
The crew of a pool: the workers, who do one job after the other.

A worker is a task. It borrows a token of the limiter on its own behalf while it works, and gives it back when it rests. Which
job is the next is for the jobs to say, and who may offer one for the pool.

Laws: no job begins without a token. While jobs wait no token lies idle, and a worker is lined up for the next one. What a job
does to its context ends with it, and so does its cancellation. A worker whose turn is over gives its token to whoever waits for
one, and the loop a chance.
"""

from __future__ import annotations

import contextvars
import functools
import math
from collections.abc import Callable
from typing import Any

import attrs
import trio
from trio.lowlevel import Abort, Task, reschedule

from ._handle import Handle, State, make_handle, note_running
from ._jobs import Job, Jobs
from ._names import join, name_of
from ._sinks import Stream
from ._step import Step, not_a_job, without_cancelled
from .errors import Closed, PoolWouldDeadlock
from .events import JobFailed

TURN_JOBS, TURN_SECONDS = 32, 0.01
"""How long a turn lasts: no more than so many jobs; where jobs sleep, no more than so many seconds either."""


@attrs.define(eq=False)
class Crew:
    """
    All the workers of one pool, and what they share.
    """

    path: str
    jobs: Jobs
    nursery: trio.Nursery
    idle_time: float
    stream: Stream
    context: contextvars.Context = attrs.field(factory=contextvars.copy_context)

    over: bool = False
    """Whether the pool was cancelled, or is broken."""

    left: bool = False
    """Whether its block has been left."""

    failure: BaseException | None = None
    """What broke it."""

    busy: int = 0
    """How many workers have a token."""

    failed: int = 0
    """How many jobs raised."""

    parked: list[Worker] = attrs.field(factory=list)
    """Workers that rest; the last one is called first."""

    lined_up: Worker | None = None
    """A worker that waits for a token, or is on its way to do so."""

    def make(self, fn: Callable[..., object], args: tuple[Any, ...], name: str | None) -> tuple[Job, Handle[Any]]:
        """
        Make a job, in a copy of the present context.
        """
        if not callable(fn):
            raise not_a_job(fn)
        name = name_of(fn) if name is None else name
        if self.closed:
            raise self.refusal(name)
        job = Job(self, fn, args, contextvars.copy_context())
        handle = job.handle = make_handle(name, job.cancel)
        return job, handle

    @property
    def closed(self) -> bool:
        """
        Whether no job is taken any more.
        """
        return self.over or self.deserted

    def refusal(self, name: str) -> Closed:
        """
        Return the error for a job that came too late.
        """
        refusal = Closed(self.path, name)
        refusal.__cause__ = self.failure
        return refusal

    def put(self, job: Job) -> None:
        """
        Take a job, for which there is room.
        """
        self.jobs.queue[job] = None
        self.dispatch()

    def offer(self, job: Job, submitter: Task | None) -> None:
        """
        Put a job in line, for which there is no room; *submitter* sleeps until it is taken.
        """
        self.jobs.offered[job] = submitter
        self.dispatch()

    def ask(self, job: Job) -> None:
        """
        Note that the present task waits for *job*.

        Raises:
            PoolWouldDeadlock: It would wait for ever, as all who have a slot do. The job is taken back.
        """
        asker = self._asker()
        if asker is None:
            return
        self.jobs.ask(job, asker)
        if self.jobs.stuck and (job in self.jobs.queue or job in self.jobs.offered):
            slots = len(self.jobs.askers)
            self.jobs.retract(job)
            raise PoolWouldDeadlock(self.path, join(self.path, asker.title), slots)

    def _asker(self) -> Worker | None:
        """
        Return the worker here whose job waits for the present task, as its caller or around its nursery.
        """
        task: Task | None = trio.lowlevel.current_task()
        while task is not None:
            worker = _WORKERS.get(task)
            if worker is not None and worker.crew is self:
                return worker
            nursery = task.parent_nursery
            task = (worker.job.caller if worker and worker.job else None) or (nursery.parent_task if nursery else None)
        return None

    def withdraw(self, job: Job, reason: str | None) -> None:
        """
        Cancel a job that has not begun.
        """
        self.jobs.withdraw(job, reason)
        self.wind_up()

    def report(self, name: str, error: Exception) -> None:
        """
        Tell that a job raised.
        """
        self.stream.send(JobFailed, join(self.path, name), error=error)

    def dispatch(self) -> None:
        """
        Give waiting jobs to workers for as long as there are tokens, and have a worker line up for the next.
        """
        if self.lined_up is not None:  # There is no token then; or there is just now, and that worker will come here.
            return
        while self.jobs and self.jobs.limiter.available_tokens > 0:
            worker = self._call_worker()
            self.jobs.limiter.acquire_on_behalf_of_nowait(worker)
            self.lend(worker)
            worker.hand = self.jobs.take()
        if self.jobs:
            self.lined_up = self._call_worker()

    def _call_worker(self) -> Worker:
        """
        Wake a worker that rests, or start one; it looks around for what to do when it gets to run.
        """
        if self.parked:
            worker = self.parked.pop()
            worker.scope.deadline = math.inf
            reschedule(worker.task)
        else:
            worker = Worker(self)
            self.context.run(functools.partial(self.nursery.start_soon, worker.run, name=f"{self.path} worker"))
        return worker

    def lend(self, worker: Worker) -> None:
        """
        Note that a worker got a token, and begins its turn.
        """
        self.busy += 1
        worker.lent, worker.slept, worker.jobs = True, False, 0
        worker.until = trio.current_time() + TURN_SECONDS

    def give_back(self, worker: Worker) -> None:
        """
        Take the token from a worker.
        """
        self.busy -= 1
        worker.lent = False
        self.jobs.limiter.release_on_behalf_of(worker)
        self.wind_up()

    @property
    def deserted(self) -> bool:
        """
        Whether the block was left and all jobs are over: as long as there are jobs, they may bring in others.
        """
        return self.left and not (self.busy or self.jobs)

    def wind_up(self) -> None:
        """
        Send the workers home if there is nothing more to come.
        """
        if self.deserted:
            while self.parked:
                self._call_worker()
            if self.lined_up is not None:
                self.lined_up.scope.cancel(reason=f"{self.path} has no more jobs")
                self.lined_up = None

    def break_off(self, failure: BaseException | None) -> None:
        """
        Close at once, since the nursery is or will be cancelled.
        """
        self.over, self.failure = True, self.failure or failure


@attrs.define(eq=False)
class Worker:
    """
    A task that does jobs, and what it has in its hands.
    """

    crew: Crew
    task: Task = attrs.field(init=False)
    scope: trio.CancelScope = attrs.field(factory=trio.CancelScope)

    spent: bool = False
    """Whether the scope was cancelled for the sake of one job, and has to be replaced before the next."""

    job: Job | None = None
    """The job that it does, or did last."""

    title: str = ""
    """What that job is called."""

    slept: bool = False
    """Whether that job gave way to the loop."""

    hand: Job | None = None
    """A job that it was given and has not begun."""

    lent: bool = False
    """Whether it has a token."""

    jobs: int = 0
    """How many jobs it began in this turn."""

    until: float = 0.0
    """When this turn is over, in seconds of `trio.current_time`."""

    @trio.lowlevel.enable_ki_protection
    async def run(self) -> None:
        """
        Work until there is nothing more to do.
        """
        self.task = trio.lowlevel.current_task()
        _WORKERS[self.task] = self
        going = True
        try:
            while going:
                going = False  # A Cancelled that comes between two jobs is for the worker.
                with self.scope:
                    going = await self._serve()
                self.scope, self.spent = trio.CancelScope(), False
        finally:
            del _WORKERS[self.task]
            if self.lent:
                self.crew.give_back(self)

    def stop(self, reason: str | None) -> None:
        """
        Cancel the job that it does.
        """
        self.spent = True
        self.scope.cancel(reason=reason)

    async def _serve(self) -> bool:
        """
        Do jobs until one of them has spent the scope, or there are no more; tell which.
        """
        jobs, limiter = self.crew.jobs, self.crew.jobs.limiter
        job = await self._next()
        while job is not None:
            handle, job.handle = job.handle, None
            if handle is not None:  # Else it was cancelled on its way here.
                job.doer = self
                self.job, self.title, self.jobs = job, handle.name, self.jobs + 1
                note_running(handle)
                step = None
                try:
                    step = Step(job.fn, job.args, job.context)
                    value = await step
                except BaseException as exc:  # Sorted, and passed on where it is not ours to hold.
                    if step is not None:
                        step.close()
                    if not self._held(job, handle, exc):
                        raise
                else:
                    jobs.settle(job, handle, State.FINISHED, value)
                self.slept = step is None or step.slept
                if self.spent:
                    return True
            # A short cut for jobs that never sleep: what the long way would find is known.
            if jobs.queue and not self.slept and self.jobs < TURN_JOBS and limiter.available_tokens >= 0:
                job = jobs.take()
            else:
                job = handle = step = value = None  # Who rests keeps nothing alive.
                job = await self._next()
        return False

    def _held(self, job: Job, handle: Handle[Any], exc: BaseException) -> bool:
        """
        Settle a job that raised; tell whether that is all there is to do.
        """
        crew = self.crew
        error = without_cancelled(exc, join(crew.path, handle.name))
        if error is None:
            crew.jobs.settle(job, handle, State.CANCELLED, reason=getattr(exc, "reason", None))
            return self.spent
        crew.failed += 1
        unheard = job.caller is None
        if unheard and isinstance(error, Exception):
            crew.report(handle.name, error)
        elif unheard:
            crew.break_off(error)
        crew.jobs.settle(job, handle, State.FAILED, error=error)
        return isinstance(error, Exception) or not unheard

    async def _next(self) -> Job | None:
        """
        Return the next job, as soon as there are one and a token to do it with; None to go home.
        """
        while True:
            if self is self.crew.lined_up:
                await self._line_up()
            if self.lent:
                job = self._find()
                if job is not None:
                    return job
            if self is not self.crew.lined_up and not await self._rest():
                return None

    def _find(self) -> Job | None:
        """
        Return a job; or give the token back, since there is none or the turn is over.
        """
        job, self.hand = self.hand, None
        if job is not None:
            return job
        crew = self.crew
        turn_over = self.jobs >= TURN_JOBS or (self.slept and trio.current_time() >= self.until)
        if not turn_over and crew.jobs.limiter.available_tokens >= 0:
            job = crew.jobs.take()
            if job is not None:
                crew.dispatch()
                return job
        crew.give_back(self)
        if crew.jobs and crew.lined_up is None:
            crew.lined_up = self
        return None

    async def _line_up(self) -> None:
        crew = self.crew
        try:
            await crew.jobs.limiter.acquire_on_behalf_of(self)
        except BaseException as exc:
            if crew.lined_up is self:  # Otherwise it was sent home.
                crew.lined_up = None
                crew.jobs.drain(getattr(exc, "reason", None))
            raise
        if crew.lined_up is self:
            crew.lined_up = None
        crew.lend(self)

    async def _rest(self) -> bool:
        """
        Wait to be called; tell whether that makes sense.
        """
        crew, self.job = self.crew, None
        if crew.deserted or len(crew.parked) + crew.busy >= crew.jobs.limiter.total_tokens:
            return False
        self.scope.deadline = trio.current_time() + crew.idle_time
        crew.parked.append(self)

        def leave(_: object) -> Abort:
            crew.parked.remove(self)
            return Abort.SUCCEEDED

        await trio.lowlevel.wait_task_rescheduled(leave)
        return True


_WORKERS: dict[Task, Worker] = {}
"""The workers of all pools, by task."""
