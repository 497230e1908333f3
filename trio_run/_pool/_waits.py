"""
Who holds a slot of a pool and waits for one of its jobs, and when that would be for ever.

Slots are the tokens of a limiter, so pools that share one see each other's waits.

Law: a wait that would never end raises, where that can be seen: where all slots are held by such as wait likewise, or where jobs
wait in a circle for each other's handles, or for idle pools. A pause is no end.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Generator
from contextlib import AbstractContextManager
from typing import Any

import attrs
import trio

from .._names import join
from ..errors import PoolWouldDeadlock, WouldDeadlock
from ._crew import Crew
from ._job import Askers, Job
from ._jobs import Jobs
from ._waiters import AWAITED, awaiting, caller_name, dependent_workers, holders
from ._worker import Worker


@attrs.define(eq=False)
class Waits:
    """
    The waits inside of one pool for itself.
    """

    crew: Crew
    jobs: Jobs

    @property
    def stuck(self) -> bool:
        """
        Whether all slots are held by such as wait for jobs, so that none will ever be free.
        """
        return self.jobs.askers.hold_all(self.jobs.limiter)

    def note(self, job: Job, asker: Worker | None) -> None:
        """
        Note that *asker*, who has a slot, waits for a job that was offered just now.

        Raises:
            PoolWouldDeadlock: It would wait for ever, as all who have a slot do. The job is taken back.
        """
        if asker is None or job.done:  # It may be over by the time that who waited for room goes on.
            return
        self.jobs.askers.add(job, asker)
        self.check(job, asker)

    def check(self, job: Job, asker: Worker | None) -> None:
        """
        Refuse to have *asker*, who has a slot, wait for ever for a job that was offered just now.

        Raises:
            PoolWouldDeadlock: It would, as all who have a slot do. The job is taken back.
        """
        if asker is not None and not job.done and self.stuck and job.doer is None:
            deadlock = self.deadlock(asker)
            self.jobs.retract(job)
            raise deadlock

    @contextlib.contextmanager
    def waiting(self) -> Generator[None]:
        """
        Have the present task count as one that waits for jobs, for as long as a block lasts.

        Raises:
            PoolWouldDeadlock: It would wait for ever, as all who have a slot do.
        """
        asker, askers = self.asker(), self.jobs.askers
        if asker is None:
            yield
            return
        askers.hold(asker)
        try:
            if self.stuck:
                raise self.deadlock(asker)
            yield
        finally:
            askers.release(asker)

    def waiting_for(self, job: Job) -> AbstractContextManager[None] | None:
        """
        Return the block in which the present task counts as one that waits for a job that was taken; None outside of any job.
        """
        around = list(holders())
        return self._asking(job, around) if around else None

    @contextlib.contextmanager
    def _asking(self, job: Job, around: list[Worker]) -> Generator[None]:
        """
        Have the present task, which is inside of the jobs of *around*, count as one that waits for another.

        Raises:
            WouldDeadlock: That one waits for the present task.
            PoolWouldDeadlock: It would wait for ever, as all who have a slot do.
        """
        endless = trio.current_effective_deadline() == math.inf
        others = dependent_workers() if endless and AWAITED else around
        if any(holder.job is job for holder in others):
            raise WouldDeadlock(join(self.crew.path, job.name), caller_name())
        limiter, askers = self.jobs.limiter, self.jobs.askers
        asker = next((holder for holder in around if holder.crew.jobs.limiter is limiter), None)
        if not endless and job.doer is not None:
            asker = None  # That needs no slot to come free, and this one gives its own back some day.
        if asker is not None:
            askers.add(job, asker)
        try:
            if asker is not None and self.stuck:
                raise self.deadlock(asker)
            with awaiting(job) if endless else contextlib.nullcontext():
                yield
        finally:
            if asker is not None:
                askers.remove(job, asker)

    def deadlock(self, asker: Worker) -> PoolWouldDeadlock:
        """
        Return the error for *asker*, who would wait for ever.
        """
        return PoolWouldDeadlock(self.crew.path, asker.path, len(self.jobs.askers.counts))

    def asker(self) -> Worker | None:
        """
        Return the nearest worker with a slot of this limiter whose job waits for the present task.
        """
        return next((holder for holder in holders() if holder.crew.jobs.limiter is self.jobs.limiter), None)


@attrs.define(eq=False)
class Readiness(trio.TaskStatus[Any]):
    """
    Passes on that a job is ready: from then on nobody waits for it who only waited for that.
    """

    status: trio.TaskStatus[Any]
    askers: Askers
    job: Job | None = None

    def started(self, value: Any = None) -> None:  # noqa: ANN401 - as in trio
        """
        Be told by the job.
        """
        self.status.started(value)
        if self.job is not None:
            self.askers.clear(self.job)
