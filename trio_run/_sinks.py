"""
Where events go.

A sink is a callable that takes one event. It is called at once, in the task where the event happened, so it must not block.
This file numbers events and hands them on; what they mean is for the sinks.

Laws: a sink that raises gets no more events, and that is reported once. With no sink in use, warnings and errors still
reach `logging`, so that no failure passes in silence; everything else costs one comparison.
"""

from __future__ import annotations

import contextlib
import contextvars
import itertools
import logging
from collections.abc import Generator, Iterator
from typing import Final, Protocol, TypeVar

import attrs
import trio

from ._names import name_of
from .events import Event, Level, SinkDropped

_E = TypeVar("_E", bound=Event)


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
class Stream:
    """
    The events of one stretch of code, on the way to their sinks.
    """

    sinks: list[Sink]
    floor: Level = Level.DEBUG
    numbers: Iterator[int] = attrs.field(factory=lambda: itertools.count(1))

    def takes(self, kind: type[Event]) -> bool:
        """
        Tell whether anybody wants events of this *kind*: if not, there is no need to make one.
        """
        return kind.level >= self.floor

    def send(self, kind: type[_E], path: str, /, life: int = 0, cause: int = 0, **details: object) -> int:
        """
        Make an event of *kind* and hand it to every sink.

        Returns:
            The number of the event, to be the *cause* of others; 0 where nobody wanted it.
        """
        if kind.level < self.floor:
            return 0
        seq = next(self.numbers)
        self.hand_out(kind(seq=seq, time=trio.current_time(), path=path, life=life, cause=cause, **details))  # pyright: ignore[reportArgumentType]
        return seq

    def hand_out(self, event: Event) -> None:
        """
        Give *event* to every sink; drop a sink that raises, and tell the others.
        """
        for sink in tuple(self.sinks):
            try:
                sink(event)
            except Exception as exc:  # A broken sink must not hurt what it watches.
                self.sinks.remove(sink)
                _LOGGER.exception("The sink %s raised and gets no more events.", name_of(sink))
                self.send(SinkDropped, event.path, cause=event.seq, sink=name_of(sink), error=exc)


_LOGGER = logging.getLogger("trio_run")


def _last_resort(event: Event) -> None:
    """
    Log *event* with the standard library: nobody has asked for events, but this one must not be lost.
    """
    error = getattr(event, "error", None)
    exc_info = (type(error), error, error.__traceback__) if isinstance(error, BaseException) else None
    details = ", ".join(
        f"{field.name}={getattr(event, field.name)!r}"
        for field in attrs.fields(type(event))
        if field.name not in {"seq", "time", "path", "life", "cause", "error"}
    )
    who = f"{event.path}#{event.life}" if event.life else event.path
    _LOGGER.log(event.level, "%s %s %s", event.name, who, details, exc_info=exc_info)


_NOBODY: Final = Stream([_last_resort], floor=Level.WARNING)
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
        TypeError: A sink is not callable.
    """
    for sink in sinks:
        if not callable(sink):
            raise TypeError(f"A sink is a callable that takes one event, and {sink!r} cannot be called.")
    outer = _stream.get()
    inherited = [] if outer is _NOBODY else outer.sinks
    numbers: Iterator[int] = itertools.count(1) if outer is _NOBODY else outer.numbers
    token = _stream.set(Stream([*inherited, *sinks], numbers=numbers))
    try:
        yield
    finally:
        _stream.reset(token)
