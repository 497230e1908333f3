"""
Which tasks wait for the present one: in a call, around its nursery, for the handle of a job, or for an idle pool.

Who waits for a slot, and whether there will be one, is not known here.

Laws: whoever runs a job on a pool waits for the task that does it. What a task started in a nursery elsewhere is no part of it.
Who waits so with a deadline does not wait for ever, and is in no circle.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator

import trio
from trio.lowlevel import Task

from .._names import is_within
from .._stopping import current_life
from ..errors import WouldDeadlock
from ._crew import Crew
from ._job import Job
from ._worker import WORKERS, Worker

AWAITED: dict[object, list[Task]] = {}
"""
The jobs that other jobs wait for by their handles, and the crews all jobs of which others wait for, for as long as it takes; with
the tasks that do so.
"""


@contextlib.contextmanager
def awaiting(key: Job | Crew) -> Generator[None]:
    """
    Have the present task count as one that waits for a job, or all jobs of a crew, for as long as a block lasts.
    """
    task, tasks = trio.lowlevel.current_task(), AWAITED.setdefault(key, [])
    tasks.append(task)
    try:
        yield
    finally:
        tasks.remove(task)
        if not tasks:
            del AWAITED[key]


def waiters(task: Task | None = None) -> Iterator[Task]:
    """
    Give a task, or the present one, and those that wait for it in a call or around its nursery; the nearest first.
    """
    task = task or trio.lowlevel.current_task()
    while task is not None:
        yield task
        job, nursery = job_of(task), task.parent_nursery
        audience = None if job is None else job.audience
        task = audience.task if audience is not None else nursery.parent_task if nursery is not None else None


def dependents() -> list[Task]:
    """
    Return the present task, and all that wait for it, by handles and for idle pools as well.
    """
    found = dict.fromkeys(waiters())
    left = list(found)
    for task in left:
        worker = WORKERS.get(task)
        for key in () if worker is None else (worker.job, worker.crew):
            for other in AWAITED.get(key, ()):
                news = [each for each in waiters(other) if each not in found]
                found.update(dict.fromkeys(news))
                left += news
    return left


def dependent_workers() -> Iterator[Worker]:
    """
    Give the workers whose jobs wait for the present task, by handles and for idle pools as well.
    """
    return (worker for task in dependents() if (worker := WORKERS.get(task)) is not None)


def job_of(task: Task) -> Job | None:
    """
    Return the job that *task* does, if it is the worker of a pool.
    """
    worker = WORKERS.get(task)
    return None if worker is None else worker.job


def holders() -> Iterator[Worker]:
    """
    Give the workers whose jobs wait for the present task; the nearest first.
    """
    return (worker for task in waiters() if (worker := WORKERS.get(task)) is not None)


def check_outside(owner: Task | None, path: str) -> None:
    """
    Refuse to wait for the end of *owner* where it waits for the present task.

    Args:
        owner: The task; None if there is none.
        path: What it runs.

    Raises:
        WouldDeadlock: It does, or is that task.
    """
    if owner is not None and owner in dependents():
        raise WouldDeadlock(path, caller_name())


def caller_name() -> str:
    """
    Return what to call the present task in an error.
    """
    task, life = trio.lowlevel.current_task(), current_life()
    worker = WORKERS.get(task)
    if worker is not None:
        return worker.path
    return task.name if life is None or is_within(task.name, life.path) else life.path
