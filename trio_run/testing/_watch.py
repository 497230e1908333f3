"""
The lost-update detector: what comes nearest to a race detector, for tasks that take turns.

It needs one run, no assertion, and the names of what to look at. `_watch_things` tells of reads and writes, `_watch_order` which
of them are ordered, `_watch_races` what that means; this file is the door.

Laws: nothing is watched but what was asked for, and nothing costs anything where nothing is. A race is told where it shows, with
both stacks. What is said to be harmless is not told.
"""

from __future__ import annotations

import linecache
import os
import re
import threading
from collections.abc import Iterable
from pathlib import Path
from types import FrameType
from typing import Final, TypeVar, cast

import attrs
import trio

from .. import _trio_compat as compat
from ..errors import InternalError, TrioRunError
from ..leaks._places import DEPTH, Point, is_foreign, spelled
from ._everywhere_zone import guarded
from ._watch_calls import Call, call_of
from ._watch_edges import listen, stop
from ._watch_order import Order
from ._watch_races import Access, Act, Race, Races
from ._watch_things import Place, is_watched, patterns, watch_object, watched_dict

T = TypeVar("T")

_HERE: Final = str(Path(__file__).parent) + os.sep

_HARMLESS: Final = re.compile(r"#\s*watch:\s*may be lost")


@attrs.frozen
class Accessed:
    """
    A read or write of a task.
    """

    task: str
    writes: bool
    """Whether it is a write, or a removal."""

    stack: tuple[str, ...]
    """Places as ``file:line function``, innermost last."""


class LostUpdate(TrioRunError, AssertionError):
    """
    A task writes what it made of a value that it read before a checkpoint, and another one may come in between.

    Attributes:
        name: What is written, as in ``Account.balance``.
        read: Where it was read.
        written: Where it was written.
        other: Who can come in between, in this schedule or another one: a write, or the same test, which may be acted on as
            well.
    """

    def __init__(self, name: str, read: Accessed, written: Accessed, other: Accessed) -> None:
        self.name: str = name
        self.read: Accessed = read
        self.written: Accessed = written
        self.other: Accessed = other
        super().__init__(name, read, written, other)

    def __str__(self) -> str:
        what = "may write it" if self.other.writes else "may make the same test, and act on it too,"
        first = (
            f"{self.name} is written from what was read before a checkpoint, and {self.other.task} {what} in between: nothing "
            f"orders the two, and they hold no lock in common."
        )
        last = (
            "Read it again after the checkpoint, or hold one lock from the read to the write. If it may be lost, say so with "
            "watch(..., ignore=[...]), or '# watch: may be lost' at the line of the read or of the write."
        )
        told = [
            first,
            *_stack(f"{self.read.task} read it at", self.read),
            *_stack(f"{self.written.task} wrote it at", self.written),
            *_stack(f"{self.other.task} {'wrote' if self.other.writes else 'tested'} it at", self.other),
            last,
        ]
        return "\n".join(told)


def _stack(title: str, access: Accessed) -> list[str]:
    return [f"  {title}", *(f"    {place}" for place in access.stack)]


def watch(thing: T, *, ignore: Iterable[str] = ()) -> T:
    """
    Watch the attributes of an object, or the keys of a dict, for lost updates.

    A task that reads a value in one step, waits, and writes it without having read it again may undo what another task wrote in
    between. Where a wake-up, a lock that is held, or what `trio.Event`, channels, semaphores and limiters pass on rules that out,
    nothing is told. One run is enough, though other schedules may show more: call it inside of a function that is given to
    `explore`.

    What is found is raised as `LostUpdate` in the task whose access shows it. To a supervisor that is a failure of the child like
    any other.

    Only accesses from the same function call are taken to belong together; methods and properties of *thing*, or of who holds the
    dict, are a part of whoever calls them. What is reached through another function, changed in place (a list, a set), copied as
    a whole, kept in a global or a local variable, or touched from a thread is not seen. Order by
    timers, threads, sockets and `trio.lowlevel.checkpoint` counts for nothing: another schedule may not have it.

    A test tool: each access costs some microseconds. Not watched means not touched.

    Args:
        thing: An object of a class written in Python, or a `dict`. What an object holds is not watched with it.
        ignore: Attributes or keys that may be lost, as patterns with ``*``. A line can say so for itself with the comment
            ``# watch: may be lost``, at the read or the write.

    Returns:
        The same object; for a dict a copy, to be put in its place.

    Raises:
        TypeError: *thing* is of a class that cannot be watched.
    """
    if is_watched(thing):
        return thing
    if isinstance(thing, type):
        raise TypeError(f"{thing!r} is a class: watch its objects, each by itself.")
    if type(thing) is dict:
        return cast("T", watched_dict(cast("dict[object, object]", thing), _LISTENER, patterns(ignore)))
    watch_object(thing, _LISTENER, patterns(ignore))
    return thing


class _Listener:
    """
    Passes accesses on to the detector of the run that they are made in.
    """

    def told(self, thing: object, act: Act, place: Place, frame: FrameType) -> None:
        """
        Note an access.

        Raises:
            LostUpdate: It shows a race.
        """
        detector, task = _present()
        if detector is None or task is None:
            return
        call = call_of(frame, thing)
        access = detector.access(act, task, frame, call)
        take = detector.races.read if act in (Act.READ, Act.MISS) else detector.races.write
        detector.tell(place, take(place, task, call, access))


_LISTENER: Final = _Listener()

_here: Final = threading.local()


def _present() -> tuple[_Detector | None, trio.lowlevel.Task | None]:
    """
    Return the detector of this thread's run, and the task that is running; there is none outside of tasks of the program.
    """
    if not trio.lowlevel.in_trio_task():
        return None, None
    task = trio.lowlevel.current_task()
    if compat.is_trios_own(task):
        return None, None
    detector: _Detector | None = getattr(_here, "detector", None)
    if detector is None or detector.runner is not compat.current_runner():
        detector = _here.detector = _Detector(compat.current_runner())
        detector.begin(task)
    return detector, task


@attrs.define(eq=False)
class _Detector(trio.abc.Instrument):
    """
    Watches one run, from the first access to its end.
    """

    runner: object
    order: Order = attrs.field(factory=Order)
    races: Races = attrs.field(factory=Races)
    broken: Exception | None = None

    def begin(self, task: trio.lowlevel.Task) -> None:
        """
        Begin in the middle of a step of *task*.
        """
        self.order.begins(task)
        listen(self.order)
        trio.lowlevel.add_instrument(self)

    def break_off(self, exc: Exception) -> None:
        """
        Keep a mistake that was made here, for the next access.
        """
        self.broken = self.broken or exc

    def access(self, act: Act, task: trio.lowlevel.Task, frame: FrameType, call: Call) -> Access:
        """
        Return what is to be known of an access from *frame*.

        Raises:
            InternalError: Trio's hooks were not followed.
        """
        if self.broken is not None:
            raise InternalError("The order of steps could not be followed.") from self.broken
        return Access(act, _name(task), self.order.moment(task), _points(frame), call.sites)

    def tell(self, place: Place, races: list[Race]) -> None:
        """
        Raise the first of *races* that is not said to be harmless.
        """
        for race in races:
            read, written = race.span.read, race.span.write
            sites = {*read.sites, read.site, *written.sites, written.site}
            if not any(_HARMLESS.search(linecache.getline(*site)) for site in sites):
                raise LostUpdate(place.text, *map(_accessed, (read, written, race.other)))

    # What trio tells.

    @guarded
    def task_spawned(self, task: trio.lowlevel.Task) -> None:
        """
        Note who started a task.
        """
        self.order.spawned(task)

    @guarded
    def task_scheduled(self, task: trio.lowlevel.Task) -> None:
        """
        Note who woke a task.
        """
        self.order.woken(task)

    @guarded
    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        """
        Note that a step begins.
        """
        self.order.begins(task)

    @guarded
    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        """
        Note that a step ends.
        """
        self.order.rests(task)
        self.races.rests(task)

    @guarded
    def task_exited(self, task: trio.lowlevel.Task) -> None:
        """
        Note that a task is over.
        """
        self.order.ended(task)
        self.races.ended(task)

    @guarded
    def after_run(self) -> None:
        """
        Leave everything as it was.
        """
        stop()
        _here.detector = None


def _name(task: trio.lowlevel.Task) -> str:
    return task.name.rpartition(".")[2]


def _points(frame: FrameType) -> tuple[Point, ...]:
    """
    Return where *frame* stands and how its task got there, innermost first.
    """
    points = [(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_qualname)]
    above = frame.f_back
    while above is not None and above.f_code.co_name != "unrolled_run" and len(points) < DEPTH:
        code, line = above.f_code, above.f_lineno
        if not is_foreign(code.co_filename) and not code.co_filename.startswith(_HERE):
            points.append((code.co_filename, line, code.co_qualname))
        above = above.f_back
    return tuple(points)


def _accessed(access: Access) -> Accessed:
    return Accessed(access.task, access.act in (Act.WRITE, Act.REMOVE), spelled(access.points))
