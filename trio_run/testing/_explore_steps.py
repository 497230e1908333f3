"""
What a task did in one step, in words that are the same in every run.

Only the user's code is told of: what trio and this package do in between says nothing of a race. Who goes next is not known
here.
"""

from __future__ import annotations

import os
import traceback
from collections.abc import Iterable, Iterator
from pathlib import Path

import attrs
import outcome
import trio

from .._trio_compat import is_trios_own

_HERE = Path(__file__).parent
_NOT_TOLD = (
    *(str(Path(file).parent) + os.sep for file in (trio.__file__, outcome.__file__, __file__)),
    str(_HERE.parent / "pytest_plugin") + os.sep,
)
_PYTEST_TRIO = f"{os.sep}pytest_trio{os.sep}"


@attrs.frozen
class Step:
    """
    One step of one task: from where it stood to where it waits.
    """

    task: str
    """The name of the task, without its module."""

    before: str
    """Where it stood, as ``file:line function``."""

    after: str
    """Where it stands now, or ``ends``."""

    chosen: bool
    """Whether the default would have been another task."""

    def __str__(self) -> str:
        return f"{'*' if self.chosen else ' '} {self.task:24} {self.before} -> {self.after}"


@attrs.frozen
class Jump:
    """
    Time that passed while tasks could have run.
    """

    seconds: float

    def __str__(self) -> str:
        return f"* {self.seconds:g} s pass"


@attrs.frozen
class Failure:
    """
    A call of `sometimes` that answered True.
    """

    task: str
    name: str
    """What failed."""

    at: str
    """The line of the call, as ``file:line function``."""

    def __str__(self) -> str:
        return f"* {self.task:24} {self.name} at {self.at}"


Record = Step | Jump | Failure
"""
What happened at one moment of a run.
"""


def is_ours(task: trio.lowlevel.Task) -> bool:
    """
    Tell whether *task* belongs to the program, not to trio.
    """
    return not task.name.startswith("<") or not is_trios_own(task)  # The first half is quick, and asked at each step.


def is_told(file: str) -> bool:
    """
    Tell whether code in *file* says something of what a task does.
    """
    return not file.startswith(_NOT_TOLD) and _PYTEST_TRIO not in file


def name_of_task(task: trio.lowlevel.Task) -> str:
    """
    Return the last part of the name of *task*, which for a function is its own name.
    """
    return task.name.rpartition(".")[2]


def site(task: trio.lowlevel.Task) -> str:
    """
    Return where *task* stands in the user's code.
    """
    if getattr(task.coro, "cr_frame", None) is None:
        return "ends"
    found = "trio"
    for frame, line in task.iter_await_frames():
        code = frame.f_code
        if is_told(code.co_filename):
            found = f"{Path(code.co_filename).name}:{line} {code.co_name}"
    return found


def all_tasks() -> Iterator[trio.lowlevel.Task]:
    """
    List the program's tasks, parents before children, in an order that is the same in every run.
    """
    return filter(is_ours, all_tasks_of_the_run())


def all_tasks_of_the_run() -> Iterator[trio.lowlevel.Task]:
    """
    List the program's tasks and trio's own.
    """
    root = trio.lowlevel.current_root_task()
    todo = [root] if root is not None else []
    while todo:
        task = todo.pop()
        yield task
        children = [child for nursery in task.child_nurseries for child in nursery.child_tasks]
        # The children of a nursery are a set, whose order is another one in each run.
        todo.extend(sorted(children, key=_name_and_site, reverse=True))


def _name_and_site(task: trio.lowlevel.Task) -> tuple[str, str]:
    return task.name, site(task)


def stacks(tasks: Iterable[trio.lowlevel.Task]) -> str:
    """
    Show where each of *tasks* stands, by its frames in the user's code.
    """
    return "\n".join(line for task in tasks for line in _stack(task))


def _stack(task: trio.lowlevel.Task) -> Iterator[str]:
    yield f"  {name_of_task(task)}"
    for frame in traceback.StackSummary.extract(task.iter_await_frames()):
        if is_told(frame.filename):
            yield f"    {Path(frame.filename).name}:{frame.lineno} {frame.name}: {frame.line}"
