"""
Who looks at what is made: the record that is being written, from the first who begins to the last who ends.

What is wrapped meanwhile is for the taps. Warnings about what was dropped unclosed are collected here.

Laws: warnings, like all else, are as they were before once the last check has ended. A warning that is no leak is given out as
it would have been.
"""

from __future__ import annotations

import contextlib
import io
import socket
import sys
import threading
import warnings
from collections.abc import AsyncGenerator, Generator
from types import AsyncGeneratorType, CoroutineType
from typing import Any

import attrs

from ._births import Births
from ._heap import frozen_heap
from ._taps import Undo, written_to

NEVER_AWAITED = "coroutine .* was never awaited"

_lock = threading.Lock()
_watch: Watch | None = None


def _is_open(state: Any) -> bool:  # noqa: ANN401 - a channel's state has no public class
    statistics = state.statistics()
    return bool(statistics.open_send_channels and statistics.open_receive_channels)


@attrs.define(eq=False)
class Watch:
    """
    The record that is being written, and what has to be taken back when it is complete.
    """

    births: Births = attrs.field(factory=lambda: Births(_is_open))
    undo: contextlib.ExitStack = attrs.field(factory=contextlib.ExitStack)
    log: list[warnings.WarningMessage] = attrs.field(factory=list[warnings.WarningMessage])
    users: int = 0


def kind_of(thing: object) -> type[object]:
    """
    Return the class of *thing*.
    """
    return type(thing)


def is_telling(warning: warnings.WarningMessage, births: Births) -> bool:
    """
    Tell whether a warning is about something that was made while somebody looked, and leaked.
    """
    if issubclass(warning.category, ResourceWarning):
        source: Any = warning.source
        if isinstance(source, socket.socket):
            return births.of(births.sockets, source) is not None
        if isinstance(source, io.IOBase):
            return not births.was_open_before(getattr(source, "name", None))
        return kind_of(source) is not AsyncGeneratorType or births.of(births.generators, source) is not None
    return issubclass(warning.category, RuntimeWarning) and "was never awaited" in str(warning.message)


def present_births() -> Births | None:
    """
    Return the record that is being written; None if nobody looks.
    """
    return None if _watch is None else _watch.births


def begin() -> Watch:
    """
    Have what is made from now on recorded.
    """
    global _watch  # noqa: PLW0603 - constructors are of the whole process
    with _lock:
        if _watch is None:
            _watch = Watch()
            enter = _watch.undo.enter_context
            enter(frozen_heap())
            if not sys.get_coroutine_origin_tracking_depth():
                sys.set_coroutine_origin_tracking_depth(4)
                _watch.undo.callback(sys.set_coroutine_origin_tracking_depth, 0)
            _watch.log = enter(_collected_warnings())
            enter(written_to(_watch.births))
        _watch.users += 1
        return _watch


def end() -> None:
    """
    Say that one of those who look does not any more.
    """
    global _watch
    with _lock:
        if _watch is None:
            return
        _watch.users -= 1
        if _watch.users:
            return
        watch, _watch = _watch, None
        watch.undo.close()
    for warning in watch.log:
        if kind_of(warning.source) is CoroutineType:
            warning.source.close()  # type: ignore[union-attr]  # The log has brought it back to life.
        if not is_telling(warning, watch.births):
            warnings.warn_explicit(
                warning.message, warning.category, warning.filename, warning.lineno, source=warning.source
            )


@contextlib.contextmanager
def unwatched() -> Generator[None]:
    """
    Have what is made inside of the block be no business of the checks that are open now.

    For tools that make runs of their own, which may fail and leak as they are meant to.
    """
    if _watch is None:
        yield
        return
    births = _watch.births
    everywhere, followers = births.everywhere, births.followers
    births.everywhere, births.followers = frozenset(), []
    try:
        yield
    finally:
        births.everywhere, births.followers = everywhere, followers


@contextlib.contextmanager
def _collected_warnings() -> Generator[list[warnings.WarningMessage]]:
    with warnings.catch_warnings(record=True) as log:
        warnings.simplefilter("always", ResourceWarning)
        warnings.filterwarnings("always", NEVER_AWAITED, RuntimeWarning)
        yield log


def tap_generators() -> Undo:
    """
    Have async generators recorded that are iterated in this thread's run from now on, until the returned function is called.
    """
    hooks = sys.get_asyncgen_hooks()

    def firstiter(generator: AsyncGenerator[Any, Any]) -> None:
        if _watch is not None:
            _watch.births.note_generator(generator)
        if hooks.firstiter is not None:
            hooks.firstiter(generator)

    sys.set_asyncgen_hooks(firstiter=firstiter)

    def undo() -> None:
        if sys.get_asyncgen_hooks().firstiter is firstiter:
            sys.set_asyncgen_hooks(firstiter=hooks.firstiter)

    return undo
