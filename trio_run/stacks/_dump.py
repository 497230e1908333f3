"""
A dump of every task of a run: as text for people, as data for programs, and folded for flame graphs.

It is taken at once and changes nothing. It may be taken from a task, from a callback of the loop, or from a signal handler
while a task hogs the loop. What a task waits for is read by `_waits`.

Laws: every task is in the dump, parents before children. Tasks that stand at the same lines are grouped and counted, and none
is left out of the count. The task that runs is shown with its live stack.
"""

from __future__ import annotations

import enum
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from types import FrameType

import attrs
import trio

from .. import _trio_compat
from ._moves import Moves, records
from ._waits import AwaitFrames, Frame, Reading, Wait, is_machinery, read

Task = trio.lowlevel.Task


class TaskState(enum.Enum):
    """
    What a task is doing.
    """

    RUNNING = "running"
    """It runs right now: it took the dump, or it hogs the loop."""

    RUNNABLE = "runnable"
    """It will run in the next turn of the loop."""

    WAITING = "waiting"
    """It waits for something."""


@attrs.frozen
class TaskInfo:
    """
    Where one task stood.
    """

    number: int
    """Unique in the process, and larger for each task that is started."""

    name: str

    parent: int
    """Index of its parent in `TaskDump.tasks`; -1 at the root."""

    depth: int
    """How many ancestors it has."""

    state: TaskState

    wait: Wait | None
    """What it waits for; None if it does not wait."""

    stack: tuple[Frame, ...]
    """Its lines outside of trio, outermost first."""

    cancelled: bool
    """Whether it was cancelled and should be on its way out."""

    idle: float | None = None
    """
    For how many seconds on the wall it has not moved, at the least; None if no `StuckWatch` is there to know.
    """

    def doing(self) -> str:
        """
        Return the primitive it waits for, or its state if it does not wait.
        """
        return self.wait.primitive if self.wait else self.state.value

    def data(self) -> dict[str, object]:
        """
        Return the same as dictionaries, lists, strings and numbers.
        """
        return attrs.asdict(self, value_serializer=_plain)


@attrs.frozen
class StackGroup:
    """
    The tasks that stand at the same lines, wherever they are in the tree.
    """

    count: int

    stack: tuple[Frame, ...]
    """Their lines outside of trio, outermost first."""

    doing: str
    """The primitive they wait for, or their state if they do not wait."""

    names: tuple[str, ...]
    """Of the tasks, each once, in the order of the tree."""


@attrs.frozen
class TaskDump:
    """
    All the tasks of a run at one moment. As a string it is a tree.
    """

    time: float
    """When, in seconds of `trio.current_time`."""

    tasks: tuple[TaskInfo, ...]
    """Parents before children, siblings in the order in which they were started."""

    def groups(self) -> tuple[StackGroup, ...]:
        """
        Return the groups of equal stacks, the largest first.
        """
        found: dict[tuple[object, ...], list[TaskInfo]] = {}
        for task in self.tasks:
            found.setdefault((task.stack, task.doing()), []).append(task)
        groups = [
            StackGroup(len(tasks), tasks[0].stack, tasks[0].doing(), tuple(dict.fromkeys(task.name for task in tasks)))
            for tasks in found.values()
        ]
        return tuple(sorted(groups, key=lambda group: -group.count))

    def data(self) -> dict[str, object]:
        """
        Return the dump as dictionaries, lists, strings and numbers, for `json.dumps`.
        """
        return {"time": self.time, "tasks": [task.data() for task in self.tasks]}

    def folded(self) -> str:
        """
        Return a line ``root;...;frame;frame count`` for each different stack, as flame graph programs read them.
        """
        lines: list[str] = []
        paths: list[str] = []
        for task in self.tasks:
            above = f"{paths[task.parent]};" if task.parent >= 0 else ""
            paths.append(above + ";".join(map(_foldable, (task.name, *task.stack))))
            lines.append(f"{paths[-1]};{_foldable(task.doing())}")
        return "".join(f"{line} {count}\n" for line, count in Counter(lines).items())

    def __str__(self) -> str:
        tasks = "1 task" if len(self.tasks) == 1 else f"{len(self.tasks)} tasks"
        return "\n".join([f"{tasks} at {self.time:.3f} s", *self._lines()]) + "\n"

    def _lines(self) -> Iterator[str]:
        for task, *others in self._alike():
            indent = "  " * task.depth
            times = f" × {1 + len(others)}" if others else ""  # noqa: RUF001 - that is how often
            same = all(task.wait == other.wait for other in others)
            doing = f"waits for {task.wait if same else task.doing()}" if task.wait else task.state.value
            idle = min(each.idle or 0.0 for each in (task, *others))
            stands = f" for {idle:.0f} s" if idle >= 1 else ""
            yield f"{indent}{task.name}{times}: {doing}{stands}{', cancelled' if task.cancelled else ''}"
            yield from (f"{indent}    {frame}" for frame in task.stack)

    def _alike(self) -> Iterator[list[TaskInfo]]:
        """
        Yield the tasks in groups that can be shown as one: siblings at the same lines. A task with children is alone.
        """
        parents = {task.parent for task in self.tasks}
        groups: dict[tuple[object, ...], list[TaskInfo]] = {}
        for index, task in enumerate(self.tasks):
            kind = (task.parent, task.name, task.stack, task.doing(), task.cancelled)
            groups.setdefault((index,) if index in parents else kind, []).append(task)
        yield from groups.values()


def task_dump(*, older_than: float | None = None) -> TaskDump:
    """
    Return where each task of this thread's run stands: what it waits for, and its lines outside of trio.

    Safe from any task, from a callback of trio's loop, and from a signal handler in the thread that trio runs in, where it
    shows the stack of a task that hogs the loop. Not for other threads: there use ``trio.from_thread.run_sync(task_dump)``. The
    loop stands still meanwhile, for some microseconds per task.

    Args:
        older_than: Leave out tasks that have moved in the last so many seconds on the wall, unless they are ancestors of others.
            That has to be known, so it needs a `StuckWatch` in the run: it looks each quarter of its *after*, and a task
            may have stood for that much longer than is known.

    Raises:
        RuntimeError: No run is under way in this thread; or no `StuckWatch` is there to know what is *older_than*.
        ValueError: *older_than* is negative.
    """
    if older_than is not None and not older_than >= 0:
        raise ValueError(f"older_than is a number of seconds from 0, not {older_than!r}.")
    root = trio.lowlevel.current_root_task()
    if older_than is not None and not records():
        raise RuntimeError(
            "Nobody knows since when tasks stand where they stand. Have a watch in the run: async with StuckWatch(): ..."
        )
    if root is None:
        return TaskDump(trio.current_time(), ())
    reader = _Reader(_running_task(), records())
    tasks: list[TaskInfo] = []
    todo: list[tuple[Task, int, int]] = [(root, -1, 0)]
    while todo:
        task, parent, depth = todo.pop()
        index = len(tasks)
        tasks.append(reader.info(task, parent, depth))
        children = [child for nursery in task.child_nurseries for child in nursery.child_tasks]
        children.sort(key=_trio_compat.task_number, reverse=True)  # A nursery keeps them in a set.
        todo.extend((child, index, depth + 1) for child in children)
    return TaskDump(trio.current_time(), tuple(tasks if older_than is None else _older(tasks, older_than)))


def _older(tasks: Sequence[TaskInfo], seconds: float) -> Iterator[TaskInfo]:
    """
    Yield the tasks that have not moved for so long, and their ancestors.
    """
    wanted: set[int] = set()
    for index, task in enumerate(tasks):
        if task.idle is not None and task.idle >= seconds:
            while index not in wanted:
                wanted.add(index)
                index = max(tasks[index].parent, 0)  # noqa: PLW2901 - up to the root
    places: dict[int, int] = {-1: -1}
    for index in sorted(wanted):
        places[index] = len(places) - 1
        yield attrs.evolve(tasks[index], parent=places[tasks[index].parent])


def stack_of(task: Task) -> tuple[Frame, ...]:
    """
    Return the lines of *task* outside of trio, outermost first.
    """
    return read(tuple(task.iter_await_frames())).stack


@attrs.define
class _Reader:
    """
    Reads tasks, and each place where many of them stand only once.
    """

    running: Task | None
    records: tuple[Moves, ...]
    known: dict[tuple[object, ...], Reading] = attrs.field(factory=dict)

    def info(self, task: Task, parent: int, depth: int) -> TaskInfo:
        """
        Return where *task* stands.
        """
        number, cancelled = _trio_compat.task_number(task), _trio_compat.is_cancelled(task)
        idle = max([record.idle(task) for record in self.records]) if self.records else None
        if task is self.running:
            stack = read(_live_frames(task)).stack
            return TaskInfo(number, task.name, parent, depth, TaskState.RUNNING, None, stack, cancelled, idle)
        frames = tuple(task.iter_await_frames())
        reading = self.reading(frames)
        if _trio_compat.is_scheduled(task):
            return TaskInfo(number, task.name, parent, depth, TaskState.RUNNABLE, None, reading.stack, cancelled, idle)
        wait = reading.wait(frames)
        return TaskInfo(number, task.name, parent, depth, TaskState.WAITING, wait, reading.stack, cancelled, idle)

    def reading(self, frames: AwaitFrames) -> Reading:
        """
        Return what *frames* tell.
        """
        key = tuple([(id(frame.f_code), line) for frame, line in frames])  # Code is slow to hash.
        reading = self.known.get(key)
        if reading is None:
            reading = self.known[key] = read(frames)
        return reading


def _running_task() -> Task | None:
    """
    Return the task that is at a step right now; None if the loop is between two.
    """
    try:
        return trio.lowlevel.current_task()
    except RuntimeError:
        return None


def _live_frames(task: Task) -> Sequence[tuple[FrameType, int]]:
    """
    Return the frames from the outermost of *task* down to who asked for the dump.
    """
    first = getattr(task.coro, "cr_frame", None)
    frame: FrameType | None = sys._getframe()  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
    found: list[tuple[FrameType, int]] = []
    while frame is not None:
        if frame.f_globals.get("__package__") != __package__:
            found.append((frame, frame.f_lineno))
        if frame is first:
            return found[::-1]
        frame = frame.f_back
    return [(frame, line) for frame, line in task.iter_await_frames() if not is_machinery(frame)]


def _foldable(name: object) -> str:
    """
    Return *name* without what has a meaning in folded stacks.
    """
    return str(name).replace(";", ",").replace("\n", " ")


def _plain(_: object, __: object, value: object) -> object:
    return value.value if isinstance(value, enum.Enum) else value
