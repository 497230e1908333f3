"""
What happens to a supervisor as a whole.
"""

from __future__ import annotations

import attrs

from ._event import Event, Level


@attrs.frozen(kw_only=True)
class SupervisorStarting(Event):
    """
    A supervisor begins to start its children.
    """

    name = "supervisor.starting"
    level = Level.DEBUG

    strategy: str
    """Which siblings go down with a failed child."""

    children: tuple[str, ...]
    """Names of the children it starts with, in start order."""


@attrs.frozen(kw_only=True)
class SupervisorReady(Event):
    """
    All the children that a supervisor starts with are ready.
    """

    name = "supervisor.ready"

    seconds: float
    """How long that took."""


@attrs.frozen(kw_only=True)
class GroupRestarting(Event):
    """
    Siblings go down, and come up again, with a child that failed.
    """

    name = "supervisor.group_restarting"
    level = Level.WARNING

    culprit: str
    """Name of the child that failed."""

    members: tuple[str, ...]
    """Names of the children that go down with it."""


@attrs.frozen(kw_only=True)
class SupervisorGaveUp(Event):
    """
    A supervisor spent its restart budget, or was told to give up, and stops.
    """

    name = "supervisor.gave_up"
    level = Level.ERROR

    culprit: str
    """Name of the child whose failure was one too many."""

    history: tuple[str, ...]
    """A line for each failure that counted, oldest first."""


@attrs.frozen(kw_only=True)
class SupervisorStopping(Event):
    """
    A supervisor begins to stop its children.
    """

    name = "supervisor.stopping"

    reason: str
    """Why."""


@attrs.frozen(kw_only=True)
class SupervisorStopped(Event):
    """
    All the children of a supervisor are gone.
    """

    name = "supervisor.stopped"

    seconds: float
    """How long the stop took."""

    drained: int = 0
    """How many children ended by themselves once they were asked."""

    cancelled: int = 0
    """How many had to be cancelled."""

    ended: int = 0
    """How many were gone before, or went without being asked."""
