"""
What those notice that look after tasks, the loop and the events themselves.
"""

from __future__ import annotations

import attrs

from ._event import Event, Level


@attrs.frozen(kw_only=True)
class TaskStuck(Event):
    """
    Tasks have waited in one place for long. The path is the name of the one that has waited longest.
    """

    name = "task.stuck"
    level = Level.WARNING

    tasks: int
    """How many are there."""

    seconds: float
    """How long the one has waited, on the wall."""

    waits_for: str
    """The primitive it waits for, as in ``Lock.acquire (held by shop/db#1, 3 waiting)``."""

    stack: tuple[str, ...]
    """Where it stands, as ``file:line function``, innermost last."""


@attrs.frozen(kw_only=True)
class LoopBlocked(Event):
    """
    A task kept the loop from its turn for long, and lets it go on now. The path is the name of the task.
    """

    name = "loop.blocked"
    level = Level.WARNING

    seconds: float
    """How long, on the wall."""

    stack: tuple[str, ...]
    """Where it stood when that was noticed, as ``file:line function``, innermost last."""


@attrs.frozen(kw_only=True)
class LeakSuspected(Event):
    """
    The tasks that somebody has under way grow steadily in number, while no more are started than before.

    The path is the name of the task that started them.
    """

    name = "leak.suspected"
    level = Level.WARNING

    function: str
    """The async function that they run."""

    tasks: int
    """How many there are."""

    before: int
    """How many there were at the first of the samples that show the rise."""

    rate: float
    """How many are started per second."""


@attrs.frozen(kw_only=True)
class SinkDropped(Event):
    """
    A sink raised, and gets no more events.
    """

    name = "sink.dropped"
    level = Level.ERROR

    sink: str
    """Which."""

    error: BaseException
    """What it raised."""
