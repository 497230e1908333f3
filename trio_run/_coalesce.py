"""
Work that several callers want at the same time, done once.

Laws: work goes on as long as one caller waits for it, and is cancelled when the last is gone. Every caller gets the value, or an
error of his own with the same traceback. What is over is not kept: the next call begins anew. Work that would wait for itself
is told.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import AsyncGenerator, Awaitable, Callable, Hashable
from typing import Any, TypeVar, TypeVarTuple, Unpack, cast, final

import attrs
import trio
from trio.lowlevel import Task

from ._names import checked, join, name_of
from ._pool import waiters
from ._step import call, not_a_job, without_cancelled
from ._stopping import current_life
from .errors import Closed, WouldDeadlock

T = TypeVar("T")
PosArgsT = TypeVarTuple("PosArgsT")


@attrs.define(eq=False)
class _Flight:
    """
    One piece of work under way.
    """

    name: str
    scope: trio.CancelScope = attrs.field(factory=trio.CancelScope)
    over: trio.Event = attrs.field(factory=trio.Event)
    callers: int = 0
    value: object = None
    error: BaseException | None = None
    waits_for: list[_Flight] = attrs.field(factory=list)
    """What tasks of it wait for."""

    def holds_up(self, other: _Flight) -> bool:
        """
        Whether *other* is this one, or waits for it.
        """
        seen, left = set[_Flight](), [other]
        while left:
            flight = left.pop()
            if flight is self:
                return True
            if flight not in seen:
                seen.add(flight)
                left += flight.waits_for
        return False


@final
@attrs.define(eq=False, repr=False)
class Coalescer:
    """
    Does at once what several callers want at the same time. Made by `open_coalescer`.

    All calls are safe from every task; from other threads they go through `trio.from_thread`.

    That calls with one key share their work is the idea of Go's singleflight. There the work belongs to the first caller, and is
    lost with him.
    """

    name: str
    """What logs and errors call it."""

    _path: str
    _nursery: trio.Nursery
    _flights: dict[Hashable, _Flight] = attrs.field(factory=dict)
    _hosts: dict[Task, _Flight] = attrs.field(factory=dict)
    left: bool = False
    """Whether the block is over."""

    def __repr__(self) -> str:
        return f"<Coalescer {self.name}: {len(self._flights)} under way>"

    async def coalesce(self, key: Hashable, fn: Callable[[Unpack[PosArgsT]], Awaitable[T]], *args: *PosArgsT) -> T:
        """
        Return what ``fn(*args)`` returns; if work for *key* is under way, wait for that instead.

        Args:
            key: What calls have in common that want the same.
            fn: An async function. It runs in a task of its own, in the context of the first caller.
            *args: Its arguments; keyword arguments go into a `functools.partial`.

        Raises:
            BaseException: The work raised: to each caller a copy of the error, with its traceback; where an error cannot be copied,
                the error itself.
            Closed: The block is over.
            WouldDeadlock: This is inside of the work for *key*, or of work that it waits for, and would wait for itself.
            TypeError: *fn* cannot be called, or *key* is not hashable.

        Cancellation:
            Of one caller, leaves the work to the others. When the last is cancelled, so is the work, which takes its own time to
            end. A call that is cancelled beforehand begins nothing.
        """
        if not callable(fn):
            raise not_a_job(fn)
        await trio.lowlevel.checkpoint_if_cancelled()
        flight = self._flights.get(key)
        mine = self._aboard()
        if flight is None:
            flight = self._begin(key, fn, args)
        elif mine is not None and mine.holds_up(flight):
            raise WouldDeadlock(join(self._path, flight.name), join(self._path, mine.name))
        flight.callers += 1
        if mine is not None:
            mine.waits_for.append(flight)
        try:
            await flight.over.wait()
        finally:
            if mine is not None:
                mine.waits_for.remove(flight)
            flight.callers -= 1
            if not flight.callers and not flight.over.is_set():
                flight.scope.cancel(reason=f"nobody waits for {flight.name} any more")
                self._forget(key, flight)
        if flight.error is not None:
            raise _copied(flight.error)
        return cast("T", flight.value)

    def forget(self, key: Hashable) -> None:
        """
        Have the next call for *key* begin anew, even if work is under way; whoever waits for that goes on to.
        """
        self._flights.pop(key, None)

    def _aboard(self) -> _Flight | None:
        """
        Return the work that the present task is a part of, if it is one.
        """
        hosts = self._hosts
        return next((hosts[task] for task in waiters() if task in hosts), None) if hosts else None

    def _begin(self, key: Hashable, fn: Callable[..., object], args: tuple[Any, ...]) -> _Flight:
        name = name_of(fn)
        if self.left or self._nursery.cancel_scope.cancel_called:
            raise Closed(self._path, name)
        flight = self._flights[key] = _Flight(name)
        self._nursery.start_soon(self._host, key, flight, fn, args, name=join(self._path, name))
        return flight

    async def _host(self, key: Hashable, flight: _Flight, fn: Callable[..., object], args: tuple[Any, ...]) -> None:
        task = trio.lowlevel.current_task()
        self._hosts[task] = flight
        try:
            with flight.scope:
                flight.value = await call(fn, args)
        except BaseException as exc:
            error = without_cancelled(exc, join(self._path, flight.name))
            if error is None:
                flight.error = Closed(self._path, flight.name)
                raise
            flight.error = error
            if not isinstance(error, Exception):
                raise error  # noqa: B904 - it is what was caught, or a part of it
        finally:
            del self._hosts[task]
            flight.over.set()
            self._forget(key, flight)

    def _forget(self, key: Hashable, flight: _Flight) -> None:
        if self._flights.get(key) is flight:
            del self._flights[key]


def _copied(error: BaseException) -> BaseException:
    """
    Return a copy of *error* to be raised by one of several, so that they do not write into each other's traceback.
    """
    try:
        copied = copy.copy(error)
    except Exception:  # noqa: BLE001 - it is somebody else's code
        return error
    if type(copied) is not type(error):
        return error
    copied.__cause__, copied.__context__ = error.__cause__, error.__context__
    copied.__suppress_context__ = error.__suppress_context__
    return copied.with_traceback(error.__traceback__)


@contextlib.asynccontextmanager
async def open_coalescer(*, name: str = "coalescer") -> AsyncGenerator[Coalescer]:
    """
    Open a coalescer for as long as a block lasts.

    Leaving the block waits for work under way.

    Args:
        name: What logs and errors call it.

    Yields:
        The coalescer, which takes calls from every task.

    Raises:
        TypeError: *name* is no string.
        ValueError: *name* is no step of a path.

    Cancellation:
        All work is cancelled, and its callers elsewhere get `Closed`.
    """
    life = current_life()
    path = join("" if life is None else life.path, checked(name, "a coalescer"))
    async with trio.open_nursery() as nursery:
        coalescer = Coalescer(name, path, nursery)
        try:
            yield coalescer
        finally:
            coalescer.left = True
