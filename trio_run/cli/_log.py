"""
The log of a run of the command: structlog and logging, on stderr, for people or for machines.

The one place where structlog is configured. Which fields an event has is decided in `trio_run.logs`; here, how a line looks.

Laws: what uses logging goes the same way as what uses structlog. No local variable of a frame is ever written. A reader of
stderr who goes away does not take the run along.
"""

from __future__ import annotations

import contextlib
import enum
import logging
import os
import sys
from typing import TextIO

import attrs
import structlog

from .._tree import NodeState, TreeView
from ..events import ChildLost, Event
from ..logs import keep_traceback_out, log_events
from .events import RunEscalated, RunFailed, RunStopping, RunWaiting

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


class Style(enum.Enum):
    """
    Whom a log is for.
    """

    CONSOLE = "console"
    """People."""

    JSON = "json"
    """Machines: each line an object."""


class Tracebacks(enum.Enum):
    """
    When a log for people shows where an error was raised.
    """

    UNEXPECTED = "unexpected"
    """Where something broke that had been running. What keeps a run from starting is said in a line."""

    ALWAYS = "always"
    """Whenever there is one."""


def style_for(word: str, stream: TextIO) -> Style:
    """
    Return the style that is called *word*; ``auto`` is for people on a terminal, and for machines elsewhere.
    """
    if word == "auto":
        return Style.CONSOLE if stream.isatty() else Style.JSON
    return Style(word)


def configure(style: Style, level: int, stream: TextIO) -> None:
    """
    Have structlog and logging write to *stream*, from *level* upwards.
    """
    first: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[
            *first,
            *([_left_to_the_end] if style is Style.CONSOLE else []),
            structlog.processors.StackInfoRenderer(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream)  # It puts up with a stream that cannot be written to.
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*first, structlog.stdlib.ExtraAdder()],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_rendering(style, stream)],
        )
    )
    logging.basicConfig(handlers=[handler], level=level, force=True)


def _rendering(style: Style, stream: TextIO) -> list[structlog.typing.Processor]:
    if style is Style.CONSOLE:
        return [
            _without_alive,
            structlog.dev.ConsoleRenderer(
                colors=_wants_colours(stream), exception_formatter=structlog.dev.plain_traceback, sort_keys=False
            ),
        ]
    return [
        structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False)),
        _head_first,
        structlog.processors.JSONRenderer(),
    ]


def _without_alive(_logger: object, _method: str, fields: structlog.typing.EventDict) -> structlog.typing.EventDict:
    fields.pop("alive", None)  # `RunLog` writes it in words.
    return fields


def _left_to_the_end(_logger: object, _method: str, fields: structlog.typing.EventDict) -> structlog.typing.EventDict:
    if fields["event"] == RunFailed.name and "exc_info" not in fields:
        raise structlog.DropEvent  # The command's last line says the same.
    return fields


def _head_first(_logger: object, _method: str, fields: structlog.typing.EventDict) -> structlog.typing.EventDict:
    head = {key: fields.pop(key) for key in ("timestamp", "level", "logger", "event") if key in fields}
    return {**head, **fields}


def _wants_colours(stream: TextIO) -> bool:
    """
    Tell whether to write colours, as no-color.org has it.
    """
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def say(text: str) -> None:
    """
    Write lines for people to stderr.
    """
    with contextlib.suppress(OSError):  # Nobody reads it any more.
        print(text, file=sys.stderr, flush=True)


@attrs.define(eq=False)
class RunLog:
    """
    The sink of a run: its log, and in between, for people, who is still alive.
    """

    style: Style
    tracebacks: Tracebacks
    view: TreeView
    """The tree before the event."""

    def __call__(self, event: Event, /) -> None:
        """
        Write one event.
        """
        if self.style is Style.JSON:
            log_events(event)
            return
        if self.tracebacks is Tracebacks.UNEXPECTED and self._kept_from_starting(event):
            keep_traceback_out(event.error)  # type: ignore[attr-defined]  # both kinds of event have one
        if not isinstance(event, RunWaiting):
            log_events(event)
        if isinstance(event, RunStopping | RunWaiting | RunEscalated) and event.alive:
            say(f"still alive: {'; '.join(event.alive)}")

    def _kept_from_starting(self, event: Event) -> bool:
        """
        Tell whether *event* is of an error that kept the run from starting, or one that says enough by its text.
        """
        if isinstance(event, RunFailed):
            return isinstance(event.error, OSError) or self._state(event.path) is NodeState.STARTING
        top = event.path.partition("/")[0]
        return isinstance(event, ChildLost) and {self._state(top), self._state(event.path)} == {NodeState.STARTING}

    def _state(self, path: str) -> NodeState | None:
        node = self.view.node(path)
        return None if node is None else node.state
