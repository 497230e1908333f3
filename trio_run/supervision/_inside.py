"""
Whether a task is a part of another: whether that one cannot end before it.

Law: what a task started in a nursery elsewhere is no part of it.
"""

from __future__ import annotations

import trio

from .._stopping import current_life
from ..errors import WouldDeadlock


def check_outside(owner: trio.lowlevel.Task | None, path: str) -> None:
    """
    Raise WouldDeadlock if the current task is *owner*, or runs in a nursery that *owner* has to wait for.

    Args:
        owner: The task whose end is to be waited for; None if it has none.
        path: What it runs.
    """
    if owner is None:
        return
    task: trio.lowlevel.Task | None = trio.lowlevel.current_task()
    while task is not None:
        if task is owner:
            raise WouldDeadlock(path, caller_name())
        nursery = task.parent_nursery
        task = None if nursery is None else nursery.parent_task


def caller_name() -> str:
    """
    Return what to call the current task in an error.
    """
    life = current_life()
    return trio.lowlevel.current_task().name if life is None else life.path
