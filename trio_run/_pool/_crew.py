"""
The crew of a pool: the workers, who do one job after the other.

A worker is a task. It borrows a token of the limiter on its own behalf while it works, and gives it back when it rests. Which
job is the next is for the jobs to say, and who may offer one for the intake.

Laws: no job begins without a token. While jobs wait no token lies idle, and a worker is lined up for the next one. What a job
does to its context ends with it, and so does its cancellation. A worker whose turn is over gives its token to whoever waits for
one, and the loop a chance.
"""

from __future__ import annotations

import contextvars
import functools
from collections.abc import Awaitable, Callable

import attrs
import trio
from trio.lowlevel import Abort, Task

from .._handle import State
from .._names import join
from .._sinks import Stream
from .._step import Stepper
from .._trio_compat import stopwatch
from ..events import JobFailed, PoolRecovered
from ._job import Job
from ._jobs import Jobs
from ._per_worker import Held, PerWorker
from ._rest import Rest
from ._turn import Turn, rivals


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
    hire: Callable[[Crew], Getter]
    """Makes one more worker."""

    per_worker: PerWorker[object] | None = None
    context: contextvars.Context = attrs.field(factory=contextvars.copy_context)
    home: trio.lowlevel.TrioToken = attrs.field(factory=trio.lowlevel.current_trio_token)
    now: Callable[[], float] = attrs.field(factory=stopwatch)
    """The time of the run, for differences only; since every job asks, it is the quickest there is."""

    over: bool = False
    """Whether the pool was cancelled, or is broken."""

    left: bool = False
    """Whether its block has been left."""

    failure: BaseException | None = None
    """What broke it."""

    busy: int = 0
    """How many workers have a token."""

    turns: int = 0
    """How many turns were over while there were jobs."""

    failed: int = 0
    """How many jobs raised."""

    saturated: bool = False
    """Whether there was no room for a job, and has not been enough since."""

    rest: Rest[Getter] = attrs.field(init=False)
    """Workers that have nothing to do."""

    vain: set[Getter] = attrs.field(factory=set)
    """Workers that have a token, and open something that no job needs any more; the next one will."""

    lined_up: Getter | None = None
    """A worker that waits for a token, or is on its way to do so."""

    idle: trio.Event | None = None
    """Set when all jobs are over, where somebody waits for that."""

    def __attrs_post_init__(self) -> None:
        self.rest = Rest(self.idle_time, self.now, self._start_soon)

    def settle_failed(self, job: Job, error: BaseException) -> bool:
        """
        Settle a job that failed; tell whether that is all there is to do.
        """
        self.failed += 1
        unheard = job.audience is None or not isinstance(error, job.audience.holds)
        if unheard and isinstance(error, Exception):
            self.stream.send(JobFailed, join(self.path, job.name), error=error)
        elif unheard:
            self.break_off(error)
        self.jobs.settle(job, State.FAILED, error=error)
        return isinstance(error, Exception) or not unheard

    def dispatch(self) -> None:
        """
        Give waiting jobs to workers for as long as there are tokens, and have a worker line up for the next.
        """
        if self.lined_up is not None:  # There is no token then; or there is just now, and that worker will come here.
            return
        limiter, jobs = self.jobs.limiter, self.jobs
        while (waits := bool(jobs)) and limiter.available_tokens > 0:
            worker = self._call_worker()
            limiter.acquire_on_behalf_of_nowait(worker)
            self.lend(worker)
            job = worker.hand = jobs.take()
            if job is not None:
                job.doer = worker
        if waits:
            self.lined_up = self._call_worker()

    def _call_worker(self) -> Getter:
        """
        Wake a worker that rests, or start one; it looks around for what to do when it gets to run.
        """
        worker = self.rest.call()
        if worker is None:
            worker = self.hire(self)
            self._start_soon(worker.run, "worker")
        return worker

    def _start_soon(self, fn: Callable[[], Awaitable[None]], name: str) -> None:
        self.context.run(functools.partial(self.nursery.start_soon, fn, name=f"{self.path} {name}"))

    def lend(self, worker: Getter) -> None:
        """
        Note that a worker got a token, and begins its turn.
        """
        self.busy += 1
        worker.lent = True
        worker.turn.begin(self.busy)

    def give_back(self, worker: Getter) -> None:
        """
        Take the token from a worker.
        """
        self.busy -= 1
        worker.lent = False
        self.leave_line()
        self.jobs.limiter.release_on_behalf_of(worker)
        self.wind_up()

    def leave_line(self) -> None:
        """
        Have nobody wait for a token where no job does: it would be kept from others for a moment, and for nothing.
        """
        worker, limiter = self.lined_up, self.jobs.limiter
        if worker is not None and not self.jobs:
            self.lined_up = None
            if worker.in_line:
                worker.stop(f"{self.path} has no more jobs")
                if worker in limiter.statistics().borrowers:  # And has not noticed.
                    limiter.release_on_behalf_of(worker)

    @property
    def all_over(self) -> bool:
        """
        Whether all jobs are over for now.
        """
        return self.busy == len(self.vain) and not self.jobs

    @property
    def deserted(self) -> bool:
        """
        Whether the block was left and all jobs are over: as long as there are jobs, they may bring in others.
        """
        return self.left and self.all_over

    def see_room(self) -> None:
        """
        Tell if a pool that was saturated has room enough.
        """
        jobs = self.jobs
        if self.saturated and not jobs.offered and jobs.waiting * 2 <= jobs.max_waiting:
            self.saturated = False
            self.stream.send(PoolRecovered, self.path, total=jobs.limiter.total_tokens, waiting=jobs.waiting)

    def see_rivals(self) -> bool:
        """
        Tell whether anybody else waits for a token. To look costs as much as tokens are lent, so where there are many not each turn
        ends with that; but each pass of the loop sees as many turns as there are workers.
        """
        self.turns += 1
        own = self.lined_up
        if own is not None and not own.in_line:  # It is still on its way there.
            own = None
        return self.turns % (1 + self.busy // 32) == 0 and rivals(self.jobs.limiter, own)

    def wind_up(self) -> None:
        """
        See whether there is nothing left to do; and nothing more to come, for then workers go home.
        """
        self.see_room()
        self.leave_line()
        if not self.all_over:
            return
        idle, self.idle = self.idle, None
        if idle is not None:
            idle.set()
        if self.left:
            reason = f"{self.path} has no more jobs"
            for worker in self.vain:
                worker.opening.cancel(reason=reason)
            self.rest.end(reason)

    def break_off(self, failure: BaseException | None) -> None:
        """
        Close at once, since the nursery is or will be cancelled.
        """
        self.over, self.failure = True, self.failure or failure


@attrs.define(eq=False, repr=False)
class Getter:
    """
    A task that gets jobs, and tokens to do them with.
    """

    crew: Crew
    task: Task = attrs.field(init=False)
    scope: trio.CancelScope = attrs.field(factory=trio.CancelScope)
    stepper: Stepper = attrs.field(factory=Stepper)

    spent: bool = False
    """Whether the scope was cancelled for one thing that it does, and has to be replaced before the next."""

    job: Job | None = None
    """The job that it does or opens something for, or did last; None while it rests, and until it gets to run."""

    hand: Job | None = None
    """A job that it was given and has not begun."""

    held: Held | None = None
    """What it has opened for its jobs."""

    opening: trio.CancelScope = attrs.field(init=False)
    """Around that, to be cancelled as long as it is not open."""

    cut: Job | None = None
    """A job that was cancelled and is not settled: by what the worker holds, or with all else."""

    lent: bool = False
    """Whether it has a token."""

    in_line: bool = False
    """Whether it waits for one, as far as it knows."""

    turn: Turn = attrs.field(init=False)

    rests_since: float = 0.0
    """When it began to rest."""

    dismissed: bool = False
    """Whether it has rested for too long."""

    def __attrs_post_init__(self) -> None:
        self.turn = Turn(self.crew.now)

    def __repr__(self) -> str:
        return f"<worker of {self.crew.path}{'' if self.job is None else f': {self.job.name}'}>"

    def stop(self, reason: str | None) -> None:
        """
        Cancel what it does, and nothing after that.
        """
        self.spent = True
        self.scope.cancel(reason=reason)

    def drop(self) -> None:
        """
        Forget the job that it was given and has not begun, for another; where there is none, it needs no token on its way.
        """
        crew, self.hand = self.crew, None
        if not self.lent:  # It is at its end.
            return
        job = crew.jobs.take() if crew.jobs.limiter.available_tokens >= 0 else None
        if job is not None:
            self.hand, job.doer = job, self
        elif self.job is None:
            crew.give_back(self)
            crew.dispatch()
        else:
            crew.vain.add(self)

    async def run(self) -> None:
        """
        Work until there is nothing more to do.
        """
        raise NotImplementedError

    async def _next(self) -> Job | None:
        """
        Return the next job, as soon as there are one and a token to do it with; None to go home.
        """
        while True:
            if self is self.crew.lined_up:
                await self._line_up()
            if self.lent:
                if self.turn.over and self.crew.jobs and not self.crew.see_rivals():
                    await trio.lowlevel.cancel_shielded_checkpoint()
                    self.turn.begin(self.crew.busy)
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
        crew = self.crew
        if job is not None:
            if crew.jobs.limiter.available_tokens >= 0:
                return job
            crew.jobs.put_back(job)
        elif not self.turn.over and crew.jobs.limiter.available_tokens >= 0:
            job = crew.jobs.take()
            if job is not None:
                crew.see_room()
                crew.dispatch()
                return job
        crew.give_back(self)
        if crew.jobs and crew.lined_up is None:
            crew.lined_up = self
        return None

    async def _line_up(self) -> None:
        crew = self.crew
        self.in_line = True
        try:
            await crew.jobs.limiter.acquire_on_behalf_of(self)
        except BaseException:
            if crew.lined_up is self:  # Otherwise it left the line.
                crew.lined_up = None
                if self.held is not None:  # It may be by that alone, and others can take the place.
                    crew.dispatch()
            raise
        finally:
            self.in_line = False
        if crew.lined_up is self:
            crew.lined_up = None
            crew.lend(self)

    async def _rest(self) -> bool:
        """
        Wait to be called; tell whether that makes sense.
        """
        crew, self.job = self.crew, None
        if crew.deserted or len(crew.rest.workers) + crew.busy >= crew.jobs.limiter.total_tokens:
            return False
        crew.rest.add(self)

        def leave(_: object) -> Abort:
            crew.rest.workers.remove(self)
            return Abort.SUCCEEDED

        await trio.lowlevel.wait_task_rescheduled(leave)
        return not self.dismissed
