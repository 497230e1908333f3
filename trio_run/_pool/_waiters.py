"""
Which tasks wait for the present one: in a call, or around its nursery.

Who waits for a slot, and whether there will be one, is not known here.

Laws: whoever runs a job on a pool waits for the task that does it. What a task started in a nursery elsewhere is no part of it.
"""

from __future__ import annotations

from collections.abc import Iterator

import trio
from trio.lowlevel import Task

from .._names import is_within
from .._stopping import current_life
from ..errors import WouldDeadlock
from ._worker import WORKERS, Worker


def waiters() -> Iterator[Task]:
    """
    Give the present task, and those that wait for it; the nearest first.
    """
    task: Task | None = trio.lowlevel.current_task()
    while task is not None:
        yield task
        worker, nursery = WORKERS.get(task), task.parent_nursery
        audience = None if worker is None or worker.job is None else worker.job.audience
        task = audience.task if audience is not None else nursery.parent_task if nursery is not None else None


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
    if owner is not None and owner in waiters():
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
