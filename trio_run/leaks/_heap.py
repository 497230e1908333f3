"""
The heap: what is garbage is collected before a look, and what nobody saw made is searched for.
"""

from __future__ import annotations

import contextlib
import gc
import inspect
import weakref
from collections.abc import Generator
from types import CoroutineType
from typing import Any

import attrs
import trio

from ._births import Synchronizer, in_use

_SYNCHRONIZERS = frozenset({trio.Lock, trio.StrictFIFOLock, trio.CapacityLimiter})
_COROUTINES = frozenset({CoroutineType})
_WANTED = _SYNCHRONIZERS | _COROUTINES

_frozen: list[weakref.ref[Synchronizer]] = []
"""Locks and limiters that were there when the heap was frozen."""


@attrs.frozen
class Heap:
    """
    What was found.
    """

    in_use: tuple[Synchronizer, ...]
    """Locks that are held, and limiters of which a token is borrowed."""

    unborn: tuple[CoroutineType[Any, Any, Any], ...]
    """Coroutines that were made while somebody looked, and never began."""


_told: weakref.WeakSet[CoroutineType[Any, Any, Any]] = weakref.WeakSet()
"""Coroutines that an earlier check has judged, and somebody still keeps."""


def collect() -> Heap:
    """
    Have garbage collected, so that what it closed or should have closed is known, and search the rest.
    """
    gc.collect()
    found: list[Any] = [thing for thing in gc.get_objects() if type(thing) in _WANTED]
    found += [ref() for ref in _frozen]
    return Heap(
        tuple(thing for thing in found if type(thing) in _SYNCHRONIZERS and in_use(thing)),
        tuple(thing for thing in found if type(thing) in _COROUTINES and _is_unborn(thing)),
    )


def _is_unborn(coroutine: CoroutineType[Any, Any, Any]) -> bool:
    return (
        coroutine.cr_origin is not None
        and inspect.getcoroutinestate(coroutine) == inspect.CORO_CREATED
        and coroutine not in _told
    )


def note_told(heap: Heap) -> None:
    """
    Note that *heap* was judged, so that the next check does not tell of the same coroutines.
    """
    _told.update(heap.unborn)


@contextlib.contextmanager
def frozen_heap() -> Generator[None]:
    """
    Make checks inside of the block cheap: what is there now is left out of each of their garbage collections.

    For a series of checks, as in a test session. What is there now and becomes garbage inside of the block is freed after it.
    Of one thread at a time, and not inside of another; see `gc.freeze`.
    """
    gc.collect()
    _frozen.extend(weakref.ref(thing) for thing in gc.get_objects() if type(thing) in _SYNCHRONIZERS)
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
        _frozen.clear()
