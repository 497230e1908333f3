"""
The heap: what is garbage is collected before a look, and coroutines that nobody awaited are searched for.

A pass through the whole heap of a test session costs more than the test. So what was there before the first look is frozen
(`gc.freeze`) until the last who looks is done: the passes go through what is new alone. Only who has found something has the
whole heap gone through before that is told, for what is old and garbage may be what kept it open; in a series of runs, the
first who has.

Law: a heap that somebody else has frozen is left as it is.
"""

from __future__ import annotations

import contextlib
import gc
import inspect
import threading
import weakref
from collections.abc import Generator
from types import CoroutineType
from typing import Any, TypeAlias

import attrs

Unborn: TypeAlias = "tuple[CoroutineType[Any, Any, Any], ...]"
"""Coroutines that were made while somebody looked, and never began."""

_told: weakref.WeakSet[CoroutineType[Any, Any, Any]] = weakref.WeakSet()
"""Coroutines that an earlier check has judged, and somebody still keeps."""


FEW = 1000
"""
Fewer frozen objects than this nobody has frozen: CPython 3.12 keeps some hundred there that never die.
"""


@attrs.define(eq=False)
class _Ice:
    """
    What of the heap is frozen, and for how many.
    """

    lock: threading.Lock = attrs.field(factory=threading.Lock)
    users: int = 0
    is_ours: bool = False

    series: int = 0
    """How many series of runs go on."""

    was_searched: bool = False
    """Whether one of them had the whole heap gone through already."""

    def freeze(self) -> None:
        with self.lock:
            if not self.users and gc.get_freeze_count() < FEW:
                gc.freeze()
                self.is_ours = True
            self.users += 1

    @contextlib.contextmanager
    def melted(self) -> Generator[None]:
        """
        Have a collection go through all that is ours to free, and let others count on short ones again.
        """
        with self.lock:
            melts = self.is_ours and not self.was_searched
            if melts:
                gc.unfreeze()
            try:
                yield
            finally:
                if melts:
                    gc.freeze()
                    self.was_searched = self.series > 0

    def leave(self) -> None:
        with self.lock:
            self.users -= 1
            if not self.users and self.is_ours:
                gc.unfreeze()
                self.is_ours = False


_ice = _Ice()


@contextlib.contextmanager
def frozen_heap() -> Generator[None]:
    """
    Make garbage collections inside of the block cheap: what is there now is left out of each of them.

    For a series of runs; a check does this for itself. What is there now and becomes garbage inside of the block is freed after
    it, or when the first leak is found. Such blocks may nest and overlap; see `gc.freeze`.
    """
    _ice.freeze()
    _ice.series += 1
    try:
        yield
    finally:
        _ice.series -= 1
        if not _ice.series:
            _ice.was_searched = False
        _ice.leave()


def collect() -> Unborn:
    """
    Have what is new and garbage collected, so that what it closed or should have closed is known, and search the rest.
    """
    gc.collect()
    kept: list[Any] = [thing for thing in gc.get_objects() if type(thing) is CoroutineType]
    return tuple(coroutine for coroutine in kept if _is_unborn(coroutine))


def collect_all() -> Unborn:
    """
    Do the same with the whole heap.
    """
    with _ice.melted():
        return collect()


def _is_unborn(coroutine: CoroutineType[Any, Any, Any]) -> bool:
    return (
        coroutine.cr_origin is not None
        and inspect.getcoroutinestate(coroutine) == inspect.CORO_CREATED
        and coroutine not in _told
    )


def note_told(unborn: Unborn) -> None:
    """
    Note that coroutines were judged, so that the next check does not tell of the same.
    """
    _told.update(unborn)
