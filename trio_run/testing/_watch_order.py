"""
Which steps of a run are ordered, whatever the schedule: vector clocks, and the locks that were held.

A step is what a task does between two checkpoints. It comes before another one of a task that it started or woke, and before
what waits for the end of its nursery, for an event that it set, for what it sent and for what it gave back. What lies between is
not known here: threads, the kernel and timers order nothing.

Law: a lock counts as kept from one moment to a later one only if it was not released in between, for however short a time.
"""

from __future__ import annotations

from collections.abc import Mapping
from weakref import ref

import attrs
import trio

from .. import _trio_compat as compat

Task = trio.lowlevel.Task
Lot = trio.lowlevel.ParkingLot

Clock = Mapping[int, int]
"""
The last step of each other task, by number, that came before.
"""

_WAIT = trio.Event.wait.__code__


@attrs.frozen(eq=False)
class Moment:
    """
    A point of a step of a task.
    """

    task: int
    step: int
    before: Clock
    tick: int
    locks: Mapping[Lot, int]
    """The locks that are held, and since which tick."""

    def comes_before(self, other: Moment) -> bool:
        """
        Tell whether this step is over when *other* begins, in every schedule.
        """
        return other.before.get(self.task, 0) >= self.step

    def locks_since(self, earlier: Moment) -> frozenset[Lot]:
        """
        Return the locks that were held all the time since *earlier*, a moment of the same task.
        """
        return frozenset(lot for lot, since in self.locks.items() if since <= earlier.tick)


@attrs.define(eq=False)
class _Known:
    """
    What is known of one task.
    """

    number: int
    before: Clock
    step: int = 0
    locks: dict[Lot, int] = attrs.field(factory=dict)
    ended: list[tuple[trio.Nursery, Clock]] = attrs.field(factory=list)
    """Children that ended, until the end of their nursery."""

    waited: list[trio.Event] = attrs.field(factory=list)
    """Events that the task stood at, until it is seen that they are set."""


@attrs.define(eq=False)
class Order:
    """
    The order of the steps of one run, as it goes.
    """

    running: Task | None = None
    _known: dict[Task, _Known] = attrs.field(factory=dict)
    _given: dict[int, tuple[ref[object], Clock]] = attrs.field(factory=dict)
    """What was left where, by identity; nothing is kept alive by it."""

    _numbers: int = 0
    _tick: int = 0

    # What trio tells.

    def spawned(self, task: Task) -> None:
        """
        Note that the running task, if any, started *task*.
        """
        self._of(task).before = {} if self.running is None else self._now(self.running)

    def woken(self, task: Task) -> None:
        """
        Note that the running task, if any, woke *task*.
        """
        if self.running is not None and self.running is not task:
            self._join(self._of(task), self._now(self.running))

    def begins(self, task: Task) -> None:
        """
        Note that *task* goes on.
        """
        self.running = task
        self._of(task).step += 1

    def rests(self, task: Task) -> None:
        """
        Note that *task* waits: what it holds and where it stands.
        """
        self.running = None
        known = self._known.get(task)
        if known is not None:
            self._look_at_locks(task, known)
            for frame, _line in task.iter_await_frames():
                if frame.f_code is _WAIT:
                    known.waited.append(frame.f_locals["self"])

    def ended(self, task: Task) -> None:
        """
        Note that *task* is over, which its nursery waits for.
        """
        nursery = task.parent_nursery
        if nursery is not None and task in self._known:
            self._of(nursery.parent_task).ended.append((nursery, self._now(task)))
        self._known.pop(task, None)

    # What tasks meet at.

    def gives(self, place: object) -> None:
        """
        Note that what the running task did so far is to be seen by who comes to *place*.
        """
        if self.running is not None:
            self._given[id(place)] = ref(place), _joined(self._left_at(place), self._now(self.running))

    def takes(self, place: object) -> None:
        """
        Note that the running task came to *place*.
        """
        if self.running is not None:
            self._join(self._of(self.running), self._left_at(place))

    def frees(self, lot: Lot) -> None:
        """
        Note that the running task is about to release a lock.
        """
        if self.running is not None:
            self._of(self.running).locks.pop(lot, None)

    # What is asked.

    def moment(self, task: Task) -> Moment:
        """
        Return the present step of *task*, which is running.
        """
        known = self._of(task)
        self._settle(task, known)
        self._look_at_locks(task, known)
        return Moment(known.number, known.step, known.before, self._tick, dict(known.locks))

    def _of(self, task: Task) -> _Known:
        known = self._known.get(task)
        if known is None:
            self._numbers += 1
            known = self._known[task] = _Known(self._numbers, {})
        return known

    def _now(self, task: Task) -> Clock:
        """
        Return what is over once the present step of *task* is.
        """
        known = self._of(task)
        self._settle(task, known)
        return {**known.before, known.number: known.step}

    def _settle(self, task: Task, known: _Known) -> None:
        """
        Take in what *task* has waited for by now.
        """
        if known.waited:
            for event in known.waited:
                self._join(known, self._left_at(event))
            known.waited.clear()
        if known.ended:
            still_open = task.child_nurseries
            for nursery, clock in known.ended:
                if nursery not in still_open:
                    self._join(known, clock)
            known.ended = [each for each in known.ended if each[0] in still_open]

    def _join(self, known: _Known, clock: Clock) -> None:
        known.before = _joined(known.before, clock)

    def _left_at(self, place: object) -> Clock:
        where, clock = self._given.get(id(place), (None, None))
        return clock if where is not None and clock is not None and where() is place else {}

    def _look_at_locks(self, task: Task, known: _Known) -> None:
        self._tick += 1
        held = compat.held_lots().get(task, ())
        known.locks = {lot: known.locks.get(lot, self._tick) for lot in held}


def _joined(one: Clock, other: Clock) -> Clock:
    joined = dict(one)
    for task, step in other.items():
        if joined.get(task, 0) < step:
            joined[task] = step
    return joined
