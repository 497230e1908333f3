"""
A walk over all the tasks of a run.
"""

from __future__ import annotations

from collections.abc import Iterator

import trio


def all_tasks() -> Iterator[trio.lowlevel.Task]:
    """
    Yield each task of this thread's run, parents before children.
    """
    root = trio.lowlevel.current_root_task()
    todo = [] if root is None else [root]
    while todo:
        task = todo.pop()
        yield task
        for nursery in task.child_nurseries:
            todo.extend(nursery.child_tasks)
