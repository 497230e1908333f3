"""
Parts of tasks: what trio_run calls for its users.

A job, the life of a child and an actor run in a task of whoever called them, under a scope of his, and are cancelled by him, for
a reason of his. So it says nothing about them how the task ends: each is looked at by itself.

Law: what a scope of its own does to a part is its own affair.
"""

from __future__ import annotations

import weakref
from collections.abc import Awaitable, Coroutine
from typing import Any, Protocol, TypeAlias, cast

import attrs
import trio

from .. import _trio_compat
from .._said import leaves
from .._step import coroutine_of
from ._everywhere_places import Place, place_of_error
from ._everywhere_probe import Observer, Probe
from ._everywhere_report import Point


@attrs.frozen
class Ended:
    """
    How a task ended that was cancelled at the point.
    """

    task: str
    heard_at: tuple[Place | None, ...]
    error: BaseException | None
    is_root: bool


Sight: TypeAlias = "tuple[str, Place | None]"
"""A kind of error, by name, since a class may be made anew in each run, and where it is raised."""


class Where(Protocol):
    """
    The zone that the parts are in.
    """

    is_open: bool
    point: Point | None
    live: dict[trio.lowlevel.Task, Probe]
    endings: list[Ended]


class Part(Probe):
    """
    One call.
    """

    __slots__ = ("_around",)

    def __init__(self, coro: Coroutine[Any, Any, Any], task: trio.lowlevel.Task, observer: Observer) -> None:
        super().__init__(coro, task, observer)
        self._around = _trio_compat.scope_around(task)

    def is_around(self, task: trio.lowlevel.Task) -> bool:
        """
        Tell whether *task* is another one that it has started.
        """
        return task is not self.task and _trio_compat.stands_in(task, self._around)

    def is_cancelled_by(self, exc: BaseException) -> bool:
        """
        Tell whether *exc* is, or has in it, how this is cancelled from outside.
        """
        return any(
            isinstance(each, trio.Cancelled) and _trio_compat.is_cancelled_by(self._around, each)
            for each in leaves(exc)
        )


class Parts:
    """
    The parts of one run that are not over, and the observer of them all.
    """

    given_up = False  # The probe of the task sees to that.

    def __init__(self, zone: Where) -> None:
        self._zone = zone
        self.failed: set[Sight] = set()
        self._live: weakref.WeakSet[Part] = weakref.WeakSet()

    def add(self, called: Awaitable[object]) -> Coroutine[Any, Any, Any]:
        """
        Return what is to be awaited in place of what was called for a user.
        """
        coro, zone, task = coroutine_of(called), self._zone, trio.lowlevel.current_task()
        if not zone.is_open or task not in zone.live:
            return coro
        part = Part(coro, task, self)
        self._live.add(part)
        return part

    def of(self, task: trio.lowlevel.Task) -> list[Part]:
        """
        Return those that *task* is at.
        """
        return [part for part in self._live if part.task is task]

    def have_started(self, task: trio.lowlevel.Task, exc: BaseException) -> bool:
        """
        Tell whether *task* is below one of them, and *exc* is how that is cancelled from outside.
        """
        return self._zone.point is not None and any(
            part.is_cancelled_by(exc) and part.is_around(task) for part in self._live
        )

    # What the probes tell.

    def stepped(self) -> None:
        """
        Leave it to the probe of the task to count.
        """

    def heard(self, probe: Probe, exc: BaseException) -> None:
        """
        Note where a part stood when it was cancelled from outside.
        """
        if self._zone.point is not None and cast("Part", probe).is_cancelled_by(exc):
            probe.heard_at.append(probe.place)

    def screened(self, probe: Probe) -> None:
        """
        Let it wait.
        """

    def ended(self, probe: Probe, exc: BaseException | None) -> None:
        """
        Note how a part ended.
        """
        self._live.discard(cast("Part", probe))
        if isinstance(exc, Exception):
            self.failed.update(map(sight_of, leaves(exc)))
        if probe.heard_at:
            self._zone.endings.append(Ended(probe.name, tuple(probe.heard_at), exc, is_root=False))


def sight_of(error: BaseException) -> Sight:
    """
    Return what tells an error from others in equal runs.
    """
    return f"{type(error).__module__}.{type(error).__qualname__}", place_of_error(error)
