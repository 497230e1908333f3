"""
A count of tasks by who started them, that tells a slow leak from a busy day.

By Little's law the number of tasks under way is the rate at which they are started times how long they last. If the number
goes up and up while the rate does not, tasks last longer and longer: some never end. Which ones is for a dump to show.

Laws: a count is never estimated. A rise is reported only if it is steady, is no echo of the load, and does not level off. It is
reported again only once the number has doubled.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from types import TracebackType
from typing import Self

import attrs
import trio

from .. import _trio_check, _trio_compat
from .._sinks import Stream, current_stream
from .._tasks import all_tasks
from ..events import LeakSuspected

FEWEST = 10
"""
Tasks by which a number has to grow before anybody is bothered.
"""


@attrs.frozen
class Sample:
    """
    The tasks of one owner at the end of some interval.
    """

    count: int
    """Tasks under way."""

    rate: float
    """Tasks started per second during the interval."""


@attrs.define(eq=False)
class _Tally:
    """
    The tasks of one owner.
    """

    count: int = 0
    started: int = 0
    """Since the last sample."""
    told: int = 0
    """How many there were when that was reported last."""
    samples: list[Sample] = attrs.field(factory=list)


@attrs.frozen
class Owner:
    """
    Who started tasks, and of what function.
    """

    path: str
    """Name of the parent task, without the number of a life."""

    function: str
    """The async function that the tasks run."""

    def __str__(self) -> str:
        return f"{self.path}: {self.function}"


class TaskCounter(trio.abc.Instrument):
    """
    Counts the tasks of a run by owner, and reports a steady rise under stable load as the event `LeakSuspected`.

    A context manager, for use inside of a run: ``with TaskCounter(): ...``. It counts the whole run, not the block alone. It
    has no task and no timer: it looks at the counts when a task is started and *every* seconds went by, since a number can
    grow only then. Costs about a microsecond for each task started. For trio's thread only.

    Args:
        every: Seconds of `trio.current_time` from one sample to the next.
        samples: How many samples in a row have to show the rise; at least 6.

    Raises:
        ValueError: *every* is not positive, or there are too few *samples* to call anything steady.
        RuntimeError: This trio is not built as the counter takes it to be.
    """

    def __init__(self, *, every: float = 60.0, samples: int = 10) -> None:
        if not every > 0:
            raise ValueError(f"every has to be a positive number of seconds, not {every!r}.")
        if samples < 6:
            raise ValueError(f"A rise is called steady after 6 samples or more, not after {samples!r}.")
        _trio_check.check()
        self._every = every
        self._length = samples
        self._tallies: dict[Owner, _Tally] = {}
        self._owners: dict[int, Owner] = {}
        self._sampled = 0.0
        self._stream: Stream = current_stream()

    def __enter__(self) -> Self:
        self._tallies, self._owners = {}, {}
        self._sampled = trio.current_time()
        self._stream = current_stream()
        for task in all_tasks():
            self._add(task)
        for tally in self._tallies.values():
            tally.started = 0
        trio.lowlevel.add_instrument(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None, /
    ) -> None:
        trio.lowlevel.remove_instrument(self)

    def counts(self) -> dict[Owner, int]:
        """
        Return how many tasks each owner has under way, the most first.
        """
        found = {owner: tally.count for owner, tally in self._tallies.items() if tally.count}
        return dict(sorted(found.items(), key=lambda item: -item[1]))

    def task_spawned(self, task: trio.lowlevel.Task) -> None:
        """
        Called by trio.
        """
        now = trio.current_time()
        if now - self._sampled >= self._every:
            self._sample(now)
        self._add(task)

    def task_exited(self, task: trio.lowlevel.Task) -> None:
        """
        Called by trio.
        """
        owner = self._owners.pop(_trio_compat.task_number(task), None)
        if owner is not None:
            self._tallies[owner].count -= 1

    def _add(self, task: trio.lowlevel.Task) -> None:
        owner = _owner_of(task)
        self._owners[_trio_compat.task_number(task)] = owner
        tally = self._tallies.get(owner)
        if tally is None:
            tally = self._tallies[owner] = _Tally()
        tally.count += 1
        tally.started += 1

    def _sample(self, now: float) -> None:
        seconds = now - self._sampled
        self._sampled = now
        for owner, tally in list(self._tallies.items()):
            if not tally.count and not tally.started:
                del self._tallies[owner]
                continue
            tally.samples.append(Sample(tally.count, tally.started / seconds))
            tally.started = 0
            del tally.samples[: -self._length]
            if len(tally.samples) == self._length and tally.count >= 2 * tally.told and rises(tally.samples):
                tally.told = tally.count
                self._stream.send(
                    LeakSuspected,
                    owner.path,
                    function=owner.function,
                    tasks=tally.count,
                    before=tally.samples[0].count,
                    rate=tally.samples[-1].rate,
                )


def rises(samples: Sequence[Sample]) -> bool:
    """
    Tell whether the number of tasks rises steadily, while no more of them are started than before.
    """
    counts = [sample.count for sample in samples]
    growth = counts[-1] - counts[0]
    if growth < max(FEWEST, counts[0] / 4):
        return False
    pairs = list(itertools.combinations(counts, 2))
    if sum((later > earlier) - (later < earlier) for earlier, later in pairs) < 0.8 * len(pairs):
        return False
    half = len(samples) // 2
    first, last = (sum(sample.rate for sample in part) / half for part in (samples[:half], samples[-half:]))
    if last > 1.1 * first:
        return False
    return counts[-1] - counts[-half] >= 0.75 * (counts[half - 1] - counts[0])


def _owner_of(task: trio.lowlevel.Task) -> Owner:
    nursery = task.eventual_parent_nursery or task.parent_nursery
    parent = nursery.parent_task.name if nursery is not None else ""
    code = getattr(task.coro, "cr_code", None)
    return Owner(_without_life(parent), getattr(code, "co_qualname", None) or _without_life(task.name))


def _without_life(name: str) -> str:
    """
    Return the path of a child where *name* is one life of it.
    """
    path, hash_, life = name.rpartition("#")
    return path if hash_ and life.isdigit() else name
