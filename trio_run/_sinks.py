"""
Where events go.

A sink is a callable that takes one event. It is called at once, in the task where the event happened, so it must not block.
This file numbers events and hands them on; what they mean is for the sinks.

Laws: a sink that raises gets no more events, and that is reported once. Every sink gets events in the order of their numbers.
With no sink in use, warnings and errors still reach `logging`, so that no failure passes in silence; everything else costs
one comparison.
"""

from __future__ import annotations

import contextlib
import contextvars
import itertools
import logging
import traceback
from collections.abc import Generator, Iterator
from typing import Final, Protocol, TypeVar

import attrs
import trio

from ._names import name_of
from ._runner import is_async
from .events import Event, Level, SinkDropped

_E = TypeVar("_E", bound=Event)

_LOGGER = logging.getLogger("trio_run")
_WARNING: Final = Level.WARNING  # CPython 3.11 takes long to look up a member by its enum.


class Sink(Protocol):
    """
    Takes events, one at a time.

    A sink must not block and should not raise. It is called in whatever task the event happened in, always from trio's
    thread.
    """

    def __call__(self, event: Event, /) -> None:
        """
        Take one event.
        """


@attrs.define(eq=False)
class Outlet:
    """
    The place of one sink, shared by all the streams that lead to it.
    """

    sink: Sink
    broken: bool = False


@attrs.define(eq=False)
class Stream:
    """
    The events of one stretch of code, on the way to their sinks.
    """

    outlets: list[Outlet] = attrs.field(factory=list)
    numbers: Iterator[int] = attrs.field(factory=lambda: itertools.count(1))

    def takes(self, kind: type[Event]) -> bool:
        """
        Tell whether anybody wants events of this *kind*: if not, there is no need to make one.
        """
        return bool(self.outlets) or (kind.level >= _WARNING and _LOGGER.isEnabledFor(kind.level))

    def send(self, kind: type[_E], path: str, /, life: int = 0, cause: int = 0, **details: object) -> int:
        """
        Make an event of *kind* and hand it to every sink.

        Returns:
            The number of the event, to be the *cause* of others; 0 where nobody wanted it.
        """
        if not self.outlets and not self.takes(kind):
            return 0
        seq = next(self.numbers)
        self.hand_out(kind(seq=seq, time=trio.current_time(), path=path, life=life, cause=cause, **details))  # pyright: ignore[reportArgumentType]
        return seq

    def hand_out(self, event: Event) -> None:
        """
        Give *event* to every sink; then drop those that raised, and tell the others.
        """
        dropped: list[tuple[Sink, Exception]] = []
        for outlet in self.outlets:
            try:
                if not outlet.broken:
                    outlet.sink(event)
            except Exception as exc:  # noqa: BLE001 - a broken sink must not hurt what it watches
                outlet.broken = True
                dropped.append((outlet.sink, exc))
        self.outlets = [outlet for outlet in self.outlets if not outlet.broken]
        if not self.outlets or isinstance(event, SinkDropped):  # The one that is gone may have been the one that logs.
            _last_resort(event)
        for sink, error in dropped:
            self.send(SinkDropped, event.path, cause=event.seq, sink=name_of(sink), error=error)


def _last_resort(event: Event) -> None:
    """
    Log *event* with the standard library if it must not be lost: nobody else may have told of it.
    """
    if event.level < _WARNING or not _LOGGER.isEnabledFor(event.level):
        return
    error = getattr(event, "error", None)
    exc_info = (type(error), error, error.__traceback__) if isinstance(error, BaseException) else None
    who = f"{event.path}#{event.life}" if event.life else event.path
    details = ", ".join(
        f"{field.name}={getattr(event, field.name)!r}"
        for field in attrs.fields(type(event))
        if field.name not in {"seq", "time", "path", "life", "cause", "error"}
    )
    try:
        _LOGGER.log(event.level, "%s", f"{event.name} {who} {details}".rstrip(), exc_info=exc_info)
    except Exception:  # noqa: BLE001 - handlers and filters of logging are somebody else's code as well
        traceback.print_exc()


_NOBODY: Final = Stream()
_stream: contextvars.ContextVar[Stream] = contextvars.ContextVar("trio_run_stream", default=_NOBODY)


def current_stream() -> Stream:
    """
    Return the stream that events of the current task go to.
    """
    return _stream.get()


@contextlib.contextmanager
def use_sinks(*sinks: Sink) -> Generator[None]:
    """
    Send all events of what is started inside the block to *sinks*, besides the sinks in use already.

    Which sinks a supervisor, group or pool reports to is settled when it is opened; tasks inherit it as they do context
    variables. Safe in any task; not for other threads.

    Args:
        *sinks: Each is called with every event, and must not block. One that raises is dropped and reported once.

    Raises:
        TypeError: A sink cannot be called, or is async.
    """
    for sink in sinks:
        if not callable(sink) or isinstance(sink, type):
            raise TypeError(f"A sink is a function or object that can be called with an event, and {sink!r} is none.")
        if is_async(sink):
            raise TypeError(f"A sink is called at once and cannot wait, so {name_of(sink)} must not be async.")
    outer = _stream.get()
    numbers = outer.numbers if outer.outlets else itertools.count(1)
    token = _stream.set(Stream([*outer.outlets, *map(Outlet, sinks)], numbers))
    try:
        yield
    finally:
        _stream.reset(token)
