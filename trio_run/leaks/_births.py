"""
The record of what was made while somebody looked: what, where, and under which checks.

Other files put taps on the world and call the ``note_`` methods here; a look reads what they noted.

Of locks and limiters it is noted too that they are used: one that was there before can be taken and kept.

Laws: the record never keeps alive what closes itself when it is dropped (sockets, files, threads, tasks), so that watching
changes nothing. Locks, limiters and channels give no sign when they are dropped: they are kept for as long as they are held or
open, and from time to time those are let go that nobody has.
"""

from __future__ import annotations

import contextvars
import itertools
import os
import sys
import threading
import weakref
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from typing import Any, Protocol

import attrs
import trio
from trio.lowlevel import Task

from .._weighted import WeightedLimiter
from ._places import DEPTH, Point, caller_points, spelled

checks_around: contextvars.ContextVar[frozenset[int]] = contextvars.ContextVar("trio_run_checks", default=frozenset())
"""The blocks that watch the present task, and all that it starts."""


class HasFileno(Protocol):
    """
    A socket, or a stream on a file descriptor.
    """

    def fileno(self) -> int:
        """
        Return the descriptor.
        """
        ...


@attrs.frozen(eq=False)
class Birth:
    """
    Where a thing was made.
    """

    points: tuple[Point, ...]
    """Where, innermost first."""

    owner: str
    """The task that made it; empty outside of tasks."""

    inside: frozenset[int]
    """The checks that it was made under."""

    thread: int
    """The thread that it was made in."""

    @property
    def made(self) -> tuple[str, ...]:
        """
        Where, for people.
        """
        return spelled(self.points)

    @property
    def function(self) -> str:
        """
        The function that made it.
        """
        return self.points[0][2] if self.points else ""


@attrs.define(eq=False)
class Job:
    """
    A call in one of trio's threads.
    """

    birth: Birth
    name: str
    function: str
    thread: int | None = None
    """The thread that runs it; None before that."""

    done: threading.Event = attrs.field(factory=threading.Event)


def absolute(path: str | bytes | os.PathLike[str]) -> str:
    """
    Return the path of a file as the record has it.
    """
    return os.path.abspath(os.fsdecode(path))  # noqa: PTH100 - paths are text here


Synchronizer = trio.Lock | trio.StrictFIFOLock | trio.CapacityLimiter | WeightedLimiter


def in_use(thing: Synchronizer) -> bool:
    """
    Tell whether a lock is held, or a token of a limiter borrowed.
    """
    if isinstance(thing, WeightedLimiter):
        return thing.statistics().held > 0
    return thing.borrowed_tokens > 0 if isinstance(thing, trio.CapacityLimiter) else thing.locked()


def holders_of(thing: Synchronizer) -> Mapping[int, object]:
    """
    Return who holds a lock, or borrowed tokens of a limiter, by identity; a weighted one knows of nobody, and its tokens
    are counted.
    """
    if not in_use(thing):
        return {}
    if isinstance(thing, WeightedLimiter):
        return dict.fromkeys(range(thing.statistics().held))
    holders = thing.statistics().borrowers if isinstance(thing, trio.CapacityLimiter) else [thing.statistics().owner]
    return {id(holder): holder for holder in holders}


@attrs.frozen(eq=False)
class Entry:
    """
    A thing that is held strongly, and what is known of it.
    """

    thing: Any
    birth: Birth | None
    """None where nobody saw it made."""

    holders: frozenset[int] = frozenset()
    """Who held it before anybody looked, by identity."""


@attrs.define(eq=False)
class Kept:
    """
    Things that are looked up by identity, and held strongly while they are of interest.
    """

    wanted: Callable[[Any], bool]
    """Tells whether a thing has to be held although nobody else does."""

    entries: dict[int, Entry] = attrs.field(factory=dict[int, Entry])
    limit: int = 1000

    def add(self, entry: Entry) -> None:
        """
        Keep a thing, and from time to time let go of what nobody wants.
        """
        self.entries[id(entry.thing)] = entry
        if len(self.entries) > self.limit:
            # Two references: the entry's, and the argument of getrefcount.
            self.entries = {
                key: entry
                for key, entry in self.entries.items()
                if sys.getrefcount(entry.thing) > 2 or self.wanted(entry.thing)
            }
            self.limit = 2 * len(self.entries) + 1000


@attrs.define(eq=False)
class Births:
    """
    The record.
    """

    is_open: Callable[[Any], bool]
    """Tells whether a channel, given by its state, can still keep somebody waiting."""

    everywhere: frozenset[int] = frozenset()
    """The checks that watch all that is made, by whomever."""

    tasks: weakref.WeakKeyDictionary[Task, Birth] = attrs.field(factory=weakref.WeakKeyDictionary)
    threads: weakref.WeakKeyDictionary[threading.Thread, Birth] = attrs.field(factory=weakref.WeakKeyDictionary)
    jobs: dict[int, Job] = attrs.field(factory=dict[int, Job])
    running: dict[int, Job] = attrs.field(factory=dict[int, Job])
    """The calls in trio's threads by the thread that runs each."""

    generators: dict[int, tuple[weakref.ref[Any], Birth]] = attrs.field(factory=dict[int, Any])
    sockets: dict[int, tuple[weakref.ref[Any], Birth]] = attrs.field(factory=dict[int, Any])
    """Sockets and streams by identity."""

    files: dict[str, Birth] = attrs.field(factory=dict[str, Birth])
    """Files by path."""

    descriptors: dict[int, Birth] = attrs.field(factory=dict[int, Birth])
    """What was made without an object around it."""

    open_before: Mapping[int, str] | None = None
    """What the descriptors led to that were open when the record was begun; None until the first who looks has told."""

    processes: dict[int, tuple[str, Birth]] = attrs.field(factory=dict[int, tuple[str, Birth]])
    """Commands by process id."""

    synchronizers: Kept = attrs.field(factory=lambda: Kept(in_use))
    channels: Kept = attrs.field(init=False)
    roots: list[Birth] = attrs.field(factory=list[Birth])
    """One for each run."""

    followers: list[Callable[[], None]] = attrs.field(factory=list[Callable[[], None]])
    """Who wants to know, inside of it, that a run begins."""

    numbers: Iterator[int] = attrs.field(factory=lambda: itertools.count(1))

    def __attrs_post_init__(self) -> None:
        self.channels = Kept(self.is_open)

    def make(self) -> Birth:
        """
        Say that the running code makes something now.
        """
        here, inside, points = threading.get_ident(), self.everywhere | checks_around.get(), caller_points()
        try:
            owner = trio.lowlevel.current_task().name
        except RuntimeError:
            owner = ""
            job = self.running.get(here)
            if job is not None:  # It is made in a thread for a task.
                owner, points = job.birth.owner, (*points, *job.birth.points)[:DEPTH]
        return Birth(points, owner, inside, here)

    # What was made. Each is called right after, by the tap.

    def note_task(self, task: Task) -> None:
        """
        Note a task, and have its context know who watches: a system task does not inherit that.
        """
        birth = self.tasks[task] = self.make()
        if task.parent_nursery is None:
            self.roots.append(birth)
            for follow in tuple(self.followers):
                follow()
        around = checks_around.get()
        if around and checks_around not in task.context:
            task.context.run(checks_around.set, around)

    def note_thread(self, thread: threading.Thread) -> None:
        """
        Note a thread.
        """
        self.threads[thread] = self.make()

    def note_job(self, fn: Callable[[], object], name: str | None) -> tuple[int, Job]:
        """
        Note a call for one of trio's threads.
        """
        number, birth = next(self.numbers), self.make()
        title = name or str(getattr(fn, "__qualname__", "a call in a thread"))
        job = self.jobs[number] = Job(birth, title, birth.function)
        return number, job

    def note_generator(self, generator: AsyncGenerator[Any, Any]) -> None:
        """
        Note an async generator that is iterated for the first time.
        """
        self.generators[id(generator)] = (weakref.ref(generator), self.make())

    def note_socket(self, thing: HasFileno) -> None:
        """
        Note a socket or stream.
        """
        self.sockets[id(thing)] = (weakref.ref(thing), self.make())

    def note_process(self, pid: int, command: str) -> None:
        """
        Note a child process.
        """
        self.processes[pid] = (command, self.make())

    def note_synchronizer(self, thing: Synchronizer) -> None:
        """
        Note a lock or limiter.
        """
        self.synchronizers.add(Entry(thing, self.make()))

    def note_use(self, thing: Synchronizer) -> None:
        """
        Note a lock or limiter that somebody is about to take, if nobody saw it made.
        """
        if id(thing) not in self.synchronizers.entries:
            # What does not know its holders is taken to be of whoever takes it first.
            birth = self.make() if isinstance(thing, WeightedLimiter) else None
            self.synchronizers.add(Entry(thing, birth, frozenset(holders_of(thing))))

    def note_channel(self, state: object) -> None:
        """
        Note a memory channel by what its ends share, unless it was noted with another end.
        """
        if id(state) not in self.channels.entries:
            self.channels.add(Entry(state, self.make()))

    def note_file(self, path: str) -> None:
        """
        Note a file.
        """
        self.files[path] = self.make()

    def note_descriptors(self, *descriptors: int) -> None:
        """
        Note bare file descriptors.
        """
        birth = self.make()
        for descriptor in descriptors:
            self.descriptors[descriptor] = birth

    # What is known.

    def of_file(self, name: object) -> Birth | None:
        """
        Return what is known of a file by its name, which is a number where it was made from a descriptor.
        """
        if isinstance(name, int):
            return self.descriptors.get(name)
        return self.files.get(absolute(name)) if isinstance(name, str | bytes) else None

    def was_open_before(self, name: object) -> bool:
        """
        Tell whether a file of this name was open when the record was begun, and none was opened since.
        """
        if self.open_before is None or self.of_file(name) is not None:
            return False
        if isinstance(name, int):
            return name in self.open_before
        return isinstance(name, str | bytes) and os.path.realpath(absolute(name)) in self.open_before.values()

    def by_descriptor(self) -> Mapping[int, tuple[HasFileno, Birth]]:
        """
        Return the sockets and streams that are still open, by descriptor.
        """
        found: dict[int, tuple[HasFileno, Birth]] = {}
        for ref, birth in tuple(self.sockets.values()):
            thing = ref()
            try:
                number = -1 if thing is None else thing.fileno()
            except (OSError, ValueError, trio.ClosedResourceError):
                continue
            if number >= 0 and thing is not None:
                found[number] = (thing, birth)
        return found

    def of(self, table: Mapping[int, tuple[weakref.ref[Any], Birth]], thing: object) -> Birth | None:
        """
        Return what a *table* that goes by identity knows of *thing*.
        """
        entry = table.get(id(thing))
        # A thing that is being collected has no references any more.
        return entry[1] if entry is not None and entry[0]() in (thing, None) else None
