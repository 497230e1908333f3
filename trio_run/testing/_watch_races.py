"""
Lost updates: which accesses to one place can make a task write from what it read too long ago.

A task that reads a place in one step and writes it in a later one, from the same frame and without reading it again, relies on
nobody having written in between. If another task's write is not ordered against that, and no lock keeps it out, its update can
be lost; if another task can make the same test at the same line, both may act on it. What a place is, and how accesses are seen,
is not known here.

Law: what is reported needs no other schedule than one with the same wake-ups.
"""

from __future__ import annotations

import enum
from collections import defaultdict, deque
from collections.abc import Hashable

import attrs
import trio

from ._watch_calls import Call, Site
from ._watch_order import Lot, Moment

AT_MOST = 64
"""
How many accesses of a kind are kept for each place; older ones are forgotten.
"""

Point = tuple[str, int, str]
"""File, line and function."""


class Act(enum.Enum):
    """
    What is done to a place.
    """

    READ = enum.auto()
    MISS = enum.auto()
    """A read of what is not there."""

    WRITE = enum.auto()
    REMOVE = enum.auto()


@attrs.frozen(eq=False)
class Access:
    """
    One read or write.
    """

    act: Act
    task: str
    moment: Moment
    points: tuple[Point, ...]
    """The stack, innermost first."""

    sites: tuple[Site, ...]
    """Where the calls stand that it belongs to."""

    @property
    def site(self) -> tuple[str, int]:
        """
        The line.
        """
        file, line, _function = self.points[0]
        return file, line


@attrs.frozen(eq=False)
class Span:
    """
    From a read to a write that relies on it.
    """

    read: Access
    write: Access
    locks: frozenset[Lot]
    """Those that were held all the time."""

    basis: Site
    """Where the read is, to who relies on it."""

    def is_open_to(self, other: Access) -> bool:
        """
        Tell whether *other* can come in between, in some schedule.
        """
        there = other.moment
        return not (
            there.task == self.read.moment.task
            or there.comes_before(self.read.moment)
            or self.write.moment.comes_before(there)
            or self.locks & there.locks.keys()
            # Who removes it found it there, so there is somebody else who put it there, and that one is told of.
            or (self.read.act is Act.MISS and other.act is Act.REMOVE)
        )


@attrs.define(eq=False)
class _Seen:
    """
    What was seen of one place.
    """

    reads: deque[Access] = attrs.field(factory=lambda: deque(maxlen=AT_MOST))
    writes: deque[Access] = attrs.field(factory=lambda: deque(maxlen=AT_MOST))
    spans: deque[Span] = attrs.field(factory=lambda: deque(maxlen=AT_MOST))


@attrs.frozen(eq=False)
class Race:
    """
    A span, and who can come in between.
    """

    span: Span
    other: Access


@attrs.define(eq=False)
class Races:
    """
    The accesses of one run.
    """

    _seen: defaultdict[Hashable, _Seen] = attrs.field(factory=lambda: defaultdict(_Seen))
    _relied_on: dict[trio.lowlevel.Task, dict[Hashable, tuple[Call, Access]]] = attrs.field(factory=dict)
    """What each task read last, and in which call. Frames are held, so that no other gets their identity."""

    def read(self, place: Hashable, task: trio.lowlevel.Task, call: Call, access: Access) -> list[Race]:
        """
        Take in a read, and return the races that it shows.
        """
        seen = self._seen[place]
        seen.reads.append(access)
        self._relied_on.setdefault(task, {})[place] = call, access
        same_test = (span for span in seen.spans if span.basis in access.sites)
        return [Race(span, access) for span in same_test if span.is_open_to(access)]

    def write(self, place: Hashable, task: trio.lowlevel.Task, call: Call, access: Access) -> list[Race]:
        """
        Take in a write, and return the races that it shows.
        """
        seen = self._seen[place]
        found = [Race(span, access) for span in seen.spans if span.is_open_to(access)]
        # From now on the task knows what is there, since it wrote it.
        within, read = self._relied_on.get(task, {}).pop(place, (None, None))
        basis = call.basis(within) if within is not None else None
        if read is not None and basis is not None and read.moment.step < access.moment.step:
            span = Span(read, access, access.moment.locks_since(read.moment), basis)
            found += [Race(span, other) for other in seen.writes if span.is_open_to(other)]
            same_test = (other for other in seen.reads if basis in other.sites)
            found += [Race(span, other) for other in same_test if span.is_open_to(other)]
            seen.spans.append(span)
        seen.writes.append(access)
        return found

    def rests(self, task: trio.lowlevel.Task) -> None:
        """
        Forget what was read in calls of *task* that are over.
        """
        relied_on = self._relied_on.get(task)
        if relied_on:
            frames = {frame for frame, _line in task.iter_await_frames()}
            for place in [place for place, (call, _access) in relied_on.items() if call.is_over(frames)]:
                del relied_on[place]

    def ended(self, task: trio.lowlevel.Task) -> None:
        """
        Forget what *task* read.
        """
        self._relied_on.pop(task, None)
