"""
What all events have in common, and how much one matters.
"""

from __future__ import annotations

import enum
from typing import ClassVar

import attrs


class Level(enum.IntEnum):
    """
    How much an event matters. The numbers are those of `logging`.
    """

    DEBUG = 10
    """Of use to who looks for a mistake."""

    INFO = 20
    """The normal course of things."""

    WARNING = 30
    """Something went wrong and is being dealt with."""

    ERROR = 40
    """Something went wrong for good."""


@attrs.frozen(kw_only=True)
class Event:
    """
    What all events have in common.
    """

    name: ClassVar[str]
    """The static name, as in ``child.ready``."""

    level: ClassVar[Level] = Level.INFO
    """How much it matters."""

    seq: int
    """Number of the event within its stream, from 1; a gap means that events were not taken."""

    time: float
    """When, in seconds of `trio.current_time`."""

    path: str
    """Who it is about, as in ``shop/workers/mailer``."""

    life: int = 0
    """Which life of the child, from 1; 0 where none is meant."""

    cause: int = 0
    """The `seq` of the event that led to this one; 0 where nothing did."""
