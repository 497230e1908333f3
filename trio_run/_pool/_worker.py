"""
The worker of a pool: does the jobs that it gets, with what it has opened for them.

Laws: what a job does to its context ends with it, and so does its cancellation. What a job raised is settled, and goes on its
way only where it is not for the worker to hold.
"""

from __future__ import annotations

import attrs
import trio
from trio.lowlevel import Task

from .._handle import State
from .._names import join
from .._step import Stepper, strip_cancelled, without_cancelled
from ..errors import LeakedCancelled
from ..events import WorkerFailed
from ._crew import Getter
from ._job import Job
from ._per_worker import PerWorker

_RUNNING, _CANCELLED, _WAITING = State.RUNNING, State.CANCELLED, State.WAITING


@attrs.define(eq=False, repr=False)
class Worker(Getter):
    """
    A task that does jobs.
    """

    @property
    def title(self) -> str:
        """
        What the present job is called.
        """
        return "" if self.job is None else self.job.name

    @property
    def path(self) -> str:
        """
        What the present job is called in full.
        """
        return join(self.crew.path, self.title)

    @trio.lowlevel.enable_ki_protection
    async def run(self) -> None:
        """
        Work until there is nothing more to do.
        """
        self.task: Task = trio.lowlevel.current_task()
        WORKERS[self.task] = self
        going = True
        try:
            while going:
                going = await self._stretch()
                if self.crew.per_worker is not None and self.hand is not None:
                    going = await self._equipped(self.crew.per_worker)
        except BaseException as exc:
            self.crew.jobs.drain(getattr(exc, "reason", None))  # The pool was cancelled, or is broken.
            raise
        finally:
            del WORKERS[self.task]
            if self.lent:
                self.crew.give_back(self)
            hand = self.hand
            if hand is not None:
                hand.owner.withdraw(hand, None)

    async def _stretch(self) -> bool:
        """
        Do jobs under one scope; tell whether there may be more.
        """
        going = False  # A Cancelled that comes between two jobs is for the worker.
        with self.scope:
            going = await self._serve()
        going = going or self.spent
        self._renew_scope()
        return going

    def _renew_scope(self) -> None:
        self.scope: trio.CancelScope = trio.CancelScope()
        self.spent: bool = False

    async def _equipped(self, per_worker: PerWorker[object]) -> bool:
        """
        Do jobs with what has to be opened for them, for as long as it is good; tell whether there may be more.
        """
        going = True
        error: Exception | None = None
        escaping: BaseException | None = None
        self.opening: trio.CancelScope = trio.CancelScope()
        with self.opening:
            try:
                async with per_worker.open() as value:
                    self.crew.vain.discard(self)
                    self.held = held = per_worker.hold(value)
                    try:
                        while going and not held.worn:
                            going = await self._stretch()
                    except BaseException as exc:
                        escaping = exc
                        raise
            except BaseException as exc:  # noqa: BLE001 - it is told or raised below
                rest = strip_cancelled(exc)
                if isinstance(rest, Exception):
                    error = rest  # It came from what was opened.
                else:
                    escaping = exc
        self.crew.vain.discard(self)
        if escaping is not None:
            self._cut_short(escaping, error)
        elif error is not None:
            self._unequipped(error)
        self.held = None
        await trio.lowlevel.checkpoint_if_cancelled()  # An error may have come in place of that.
        return going

    def _cut_short(self, escaping: BaseException, error: Exception | None) -> None:
        """
        Go on after what was opened ended by itself, with an *error* or none; in all other cases *escaping* is raised.
        """
        crew, job, self.cut = self.crew, self.cut, None
        rest = without_cancelled(escaping, self.path)  # Here, outside of what was opened, it is known who cancelled.
        if isinstance(rest, LeakedCancelled):
            self._renew_scope()
            if job is not None and self.held is not None:
                failure = error or rest
                failure.add_note(f"{self.held.title}, which its worker had opened, ended under it")
                crew.settle_failed(job, failure)
            elif error is not None:
                self._unequipped(error)
            return
        if job is not None:
            crew.jobs.settle(job, _CANCELLED, reason=getattr(escaping, "reason", None))
        if error is not None:
            self._unequipped(error)
        raise escaping

    def _unequipped(self, error: Exception) -> None:
        """
        Pass an error on: to the job that needs what could not be opened, or that of closing it to whoever listens.
        """
        job = self.hand
        if job is None or self.held is not None:
            self.crew.stream.send(WorkerFailed, join(self.crew.path, self.task.name.rpartition(" ")[2]), error=error)
        else:
            self.hand = None
            self.turn.jobs += 1
            self.job, job.doer = job, self
            self._held(job, error)

    async def _serve(self) -> bool:
        """
        Do jobs until one of them has spent the scope, or there are no more; tell which.
        """
        jobs, limiter, stepper, turn = self.crew.jobs, self.crew.jobs.limiter, self.stepper, self.turn
        job = await self._next()
        if job is not None and self.held is None and self.crew.per_worker is not None:
            self.hand, self.job, job.doer = job, job, self
            return True  # First something has to be opened.
        total, queue, held = limiter.total_tokens, jobs.queue, self.held
        while job is not None:
            if held is not None:
                held.show(job.context)
            job.state = _RUNNING
            job.doer = self
            self.job: Job | None = job
            turn.jobs += 1
            slept = False
            try:
                said = job.context.run(stepper.begin, job)
                if said is not stepper:
                    slept = True
                    await stepper.wait(job.context, said)
            except BaseException as exc:
                stepper.end(job.context)
                self.stepper: Stepper = Stepper()
                stepper = self.stepper
                if not self._held(job, exc):
                    raise
            else:
                jobs.finish(job, stepper.value)
            if self.spent:
                stepper.value, turn.slept = None, slept
                return True
            # A short cut for jobs that never sleep: what the long way would find is known.
            if not slept and queue and limiter.total_tokens == total and (turn.jobs < turn.look or turn.goes_on()):
                job = queue.popleft()
                if job.state is not _WAITING or jobs.offered:
                    queue.appendleft(job)
                    job = jobs.take()
            else:
                job = said = stepper.value = None  # Who rests keeps nothing alive.
                turn.slept = slept
                job = await self._next()
                total = limiter.total_tokens
        return False

    def _held(self, job: Job, exc: BaseException) -> bool:
        """
        Settle a job that raised; tell whether that is all there is to do.
        """
        error = without_cancelled(exc, join(self.crew.path, job.name))
        if self.held is not None and self.held.judge(error):
            self.spent = self.spent or error is not None
        if error is None:
            if self.held is None or self.spent:
                self.crew.jobs.settle(job, _CANCELLED, reason=getattr(exc, "reason", None))
            else:
                self.cut = job  # By what was opened, or with all else: that is known when it is closed.
            return False  # The scope holds it, unless it is for the worker as well.
        return self.crew.settle_failed(job, error)


WORKERS: dict[Task, Worker] = {}
"""The workers of all pools, by task."""
