"""
The log: a sink that writes each event with structlog.

Here it is decided which fields an event has in the log, and which errors come with a traceback. How a line looks and where it
goes is for whoever configures structlog; this file never does.

Laws: structlog is not configured here. A field keeps its type, so that a log can be searched. The traceback of an exception
is written once, however many events and groups the exception is passed on in.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from types import TracebackType
from typing import cast

import attrs
import structlog
import trio

from ._said import errors_in, said
from .errors import InternalError, LeakedCancelled, StartFailed, TrioRunError
from .events import Event, Level

_METHODS = {Level.DEBUG: "debug", Level.INFO: "info", Level.WARNING: "warning", Level.ERROR: "error"}

_TOLD = "_trio_run_told"
"""Mark of an exception whose traceback was written; it is on the exception, since few of them can be weakly referenced."""

_PLAIN = (SystemExit, KeyboardInterrupt, trio.Cancelled)
"""Ways to end a program, for which nobody needs to know where they were raised."""

_LOCATED = (InternalError, LeakedCancelled)
"""Of our own errors those that say less than their traceback."""


def log_events(event: Event, /) -> None:
    """
    Write one event with structlog's logger ``trio_run``. A sink: ``with use_sinks(log_events): ...``.

    The name of the event is the message, and its level the level. Seconds are rounded to the millisecond, and a bound that is
    not there, as of a grace without end, is left out. An error is a line of text in ``error``; its traceback is in
    ``exc_info``, unless it was logged before.

    Safe from every task; as fast as what structlog is configured to do.
    """
    fields: dict[str, object] = {"path": event.path}
    if event.life:
        fields["life"] = event.life
    fields["seq"] = event.seq
    if event.cause:
        fields["cause"] = event.cause
    for name in _details(type(event)):
        value = getattr(event, name)
        if isinstance(value, BaseException):
            fields["error"] = said(value)
            exc_info = _untold(value)
            if exc_info is not None:
                fields["exc_info"] = exc_info
        elif isinstance(value, float):
            if math.isfinite(value):
                fields[name] = round(value, 3)
        elif value is not None:
            fields[name] = value
    getattr(structlog.get_logger("trio_run"), _METHODS[event.level])(event.name, **fields)


def keep_traceback_out(error: BaseException) -> None:
    """
    Have the traceback of *error*, and of all the errors it is made of, left out of the log: it is shown elsewhere, or was.
    """
    for cause in _causes(error):
        cause.__dict__[_TOLD] = True


def _details(kind: type[Event]) -> tuple[str, ...]:
    """
    Return the names of the fields that this kind of event adds to those of all events.
    """
    names = _known_details.get(kind)
    if names is None:
        common = attrs.fields_dict(Event)
        names = _known_details[kind] = tuple(name for name in attrs.fields_dict(kind) if name not in common)
    return names


_known_details: dict[type[Event], tuple[str, ...]] = {}


def _untold(error: BaseException) -> tuple[type[BaseException], BaseException, TracebackType | None] | None:
    """
    Return what is to be shown of *error* as structlog takes it, or None if all of it is known or plain.
    """
    if not any(map(_is_news, _causes(error))):
        return None
    shown = error
    if errors_in(error):
        group = cast("BaseExceptionGroup[BaseException]", error)
        shown = group.subgroup(lambda each: not errors_in(each) and any(map(_is_news, _causes(each)))) or group
    keep_traceback_out(error)
    return type(shown), shown, _from_the_runner(shown.__traceback__)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """
    Yield the errors that *error* is made of: those in a group, and what made a start fail.
    """
    inner = errors_in(error)
    if isinstance(error, StartFailed) and error.__cause__ is not None:
        inner = (error.__cause__,)
    for each in inner:
        yield from _causes(each)
    if not inner:
        yield error


def _is_news(error: BaseException) -> bool:
    """
    Tell whether the traceback of *error* was not written yet, and is of use to anybody.
    """
    if _TOLD in error.__dict__ or isinstance(error, _PLAIN):
        return False
    return not isinstance(error, TrioRunError) or isinstance(error, _LOCATED)


def _from_the_runner(traceback: TracebackType | None) -> TracebackType | None:
    """
    Leave out the frames of a traceback through which trio_run called the runner.
    """
    inner = traceback
    while inner is not None and inner.tb_frame.f_globals.get("__name__", "").startswith(f"{__package__}."):
        inner = inner.tb_next
    return inner or traceback
