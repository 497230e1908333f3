"""
Since when each task stands where it stands.

Trio counts the steps of a task and does not say when the last one was. So somebody has to look now and then, and write down at
which count each task was seen first; a `StuckWatch` does. What is then made of it is for others.

Law: nobody is said to have stood for longer than they did.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Final

import attrs
import trio

from .. import _trio_compat

Task = trio.lowlevel.Task


@attrs.define(eq=False)
class Moves:
    """
    A record of the tasks of a run.
    """

    seen: dict[int, tuple[int, float]] = attrs.field(factory=dict[int, tuple[int, float]])
    """By the number of a task: how many steps it had taken, and since when it is known to have."""

    def look(self, tasks: Iterable[Task]) -> None:
        """
        Write down where *tasks* are; the others are forgotten.
        """
        now = time.monotonic()
        seen: dict[int, tuple[int, float]] = {}
        for task in tasks:
            number, steps = _trio_compat.task_number(task), _trio_compat.steps_of(task)
            known = self.seen.get(number)
            seen[number] = known if known is not None and known[0] == steps else (steps, now)
        self.seen = seen

    def idle(self, task: Task) -> float:
        """
        Return for how many seconds on the wall *task* has not moved, as far as is known.
        """
        steps, since = self.seen.get(_trio_compat.task_number(task), (-1, 0.0))
        return time.monotonic() - since if steps == _trio_compat.steps_of(task) else 0.0


_records: Final[trio.lowlevel.RunVar[tuple[Moves, ...]]] = trio.lowlevel.RunVar("trio_run_moves", default=())


def records() -> tuple[Moves, ...]:
    """
    Return the records that are kept of this thread's run.
    """
    return _records.get()


def keep(record: Moves) -> None:
    """
    Let others read *record*.
    """
    _records.set((*_records.get(), record))


def drop(record: Moves) -> None:
    """
    Take that back.
    """
    _records.set(tuple(each for each in _records.get() if each is not record))
