"""
What happens to a child of a supervisor.
"""

from __future__ import annotations

import math

import attrs

from ._event import Event, Level


@attrs.frozen(kw_only=True)
class ChildStarting(Event):
    """
    A new life begins.
    """

    name = "child.starting"


@attrs.frozen(kw_only=True)
class ChildReady(Event):
    """
    A child called ``task_status.started()``, or takes no ``task_status`` and runs.
    """

    name = "child.ready"

    seconds: float
    """How long the start took."""


@attrs.frozen(kw_only=True)
class ChildFinished(Event):
    """
    A child returned of its own accord.
    """

    name = "child.finished"

    seconds: float
    """How long the life lasted."""


@attrs.frozen(kw_only=True)
class ChildFailed(Event):
    """
    A child raised, and will be started again.
    """

    name = "child.failed"
    level = Level.WARNING

    seconds: float
    """How long the life lasted."""

    error: BaseException
    """What it raised."""


@attrs.frozen(kw_only=True)
class ChildLost(Event):
    """
    A child raised, and will not be started again.
    """

    name = "child.lost"
    level = Level.ERROR

    seconds: float
    """How long the life lasted."""

    error: BaseException
    """What it raised."""


@attrs.frozen(kw_only=True)
class ChildParked(Event):
    """
    A child spent its own budget: it stays down until somebody restarts it.
    """

    name = "child.parked"
    level = Level.ERROR

    seconds: float
    """How long the last life lasted."""

    error: BaseException
    """What it raised."""

    history: tuple[str, ...]
    """A line for each failure that counted, oldest first."""


@attrs.frozen(kw_only=True)
class ChildIgnored(Event):
    """
    A child had nothing to do, and stays down.
    """

    name = "child.ignored"

    seconds: float
    """How long it took to find that out."""


@attrs.frozen(kw_only=True)
class ChildRestartScheduled(Event):
    """
    A child that ended will be started again.
    """

    name = "child.restart_scheduled"

    delay: float
    """Seconds until then, counted from when all that has to go down is down."""

    failures: int
    """How many times in a row the child failed, without a stable life between."""

    spent: int
    """Restarts that count against the budget now, this one included."""

    restarts: float
    """Restarts that the budget forgives."""

    per: float
    """In how many seconds it forgives them."""

    in_a_row: float = math.inf
    """Failures in a row that it forgives."""


@attrs.frozen(kw_only=True)
class ChildStopping(Event):
    """
    A child was asked to stop.
    """

    name = "child.stopping"
    level = Level.DEBUG

    grace: float
    """Seconds it has before it is cancelled."""

    reason: str
    """Why."""


@attrs.frozen(kw_only=True)
class ChildOverdue(Event):
    """
    A child that had been asked to stop did not do so in its grace, and is cancelled.
    """

    name = "child.overdue"
    level = Level.WARNING

    grace: float
    """Seconds it had."""


@attrs.frozen(kw_only=True)
class ChildStopped(Event):
    """
    A child that was asked to stop, or was cancelled by its supervisor, is gone.
    """

    name = "child.stopped"

    seconds: float
    """How long the stop took."""

    how: str
    """``drained`` when it ended by itself after it was asked, ``cancelled`` otherwise."""

    error: BaseException | None = None
    """What it raised on the way out."""


@attrs.frozen(kw_only=True)
class ChildStuck(Event):
    """
    A child was cancelled some time ago and is still there.
    """

    name = "child.stuck"
    level = Level.ERROR

    seconds: float
    """How long ago it was cancelled."""

    stack: tuple[str, ...]
    """Where it stands, as ``file:line function``, innermost last."""


@attrs.frozen(kw_only=True)
class ChildRemoved(Event):
    """
    A supervisor forgot a child that is down.
    """

    name = "child.removed"
    level = Level.DEBUG
