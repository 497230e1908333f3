"""
Who holds a slot of a pool and waits for one of its jobs, and when that would be for ever.

Law: a wait that would never end raises, where that can be seen: where all slots are held by such as wait likewise.
"""

from __future__ import annotations

import attrs
import trio
from trio.lowlevel import Task

from .._names import join
from ..errors import PoolWouldDeadlock, WouldDeadlock
from ._crew import Crew
from ._job import Job
from ._jobs import Jobs
from ._worker import WORKERS, Worker


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
        if asker is None:
            return
        self.jobs.askers.add(job, asker)
        if self.stuck and job.doer is None:
            deadlock = self.deadlock(asker)
            self.jobs.retract(job)
            raise deadlock

    def ask(self, job: Job) -> Worker | None:
        """
        Note that the present task waits for a job, if it has a slot; return who has it for the task.

        Raises:
            WouldDeadlock: The job is the task's own.
            PoolWouldDeadlock: It would wait for ever, as all who have a slot do.
        """
        asker = self.asker()
        if asker is None:
            return None
        if asker.job is job:
            path = join(self.crew.path, job.name)
            raise WouldDeadlock(path, path)
        self.jobs.askers.add(job, asker)
        if self.stuck:
            deadlock = self.deadlock(asker)
            self.jobs.askers.remove(job, asker)
            raise deadlock
        return asker

    def deadlock(self, asker: Worker) -> PoolWouldDeadlock:
        """
        Return the error for *asker*, who would wait for ever.
        """
        path = self.crew.path
        return PoolWouldDeadlock(path, join(path, asker.title), len(self.jobs.askers.counts))

    def unask(self, job: Job, asker: object) -> None:
        """
        Note that the wait for a job is over.
        """
        self.jobs.askers.remove(job, asker)

    def asker(self) -> Worker | None:
        """
        Return the worker here whose job waits for the present task, in a call or around its nursery.
        """
        task: Task | None = trio.lowlevel.current_task()
        while task is not None:
            worker = WORKERS.get(task)
            if worker is not None and worker.crew is self.crew:
                return worker
            audience = None if worker is None or worker.job is None else worker.job.audience
            nursery = task.parent_nursery
            task = audience.task if audience is not None else nursery.parent_task if nursery is not None else None
        return None
