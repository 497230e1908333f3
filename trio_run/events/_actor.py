"""
What happens to the actors that run together.
"""

from __future__ import annotations

import attrs

from ._event import Event, Level


@attrs.frozen(kw_only=True)
class ActorStarting(Event):
    """
    An actor begins.
    """

    name = "actor.starting"


@attrs.frozen(kw_only=True)
class ActorFinished(Event):
    """
    An actor returned before anybody interrupted it.
    """

    name = "actor.finished"

    seconds: float
    """How long it ran."""


@attrs.frozen(kw_only=True)
class ActorFailed(Event):
    """
    An actor raised, whether it was interrupted or not.
    """

    name = "actor.failed"
    level = Level.ERROR

    seconds: float
    """How long it ran."""

    error: BaseException
    """What it raised."""


@attrs.frozen(kw_only=True)
class ActorInterrupted(Event):
    """
    An actor is asked to end.
    """

    name = "actor.interrupted"
    level = Level.DEBUG

    grace: float
    """Seconds it has before it is cancelled."""

    reason: str
    """Why."""


@attrs.frozen(kw_only=True)
class ActorInterruptFailed(Event):
    """
    The interrupt of an actor raised, or did not return in the actor's grace.
    """

    name = "actor.interrupt_failed"
    level = Level.ERROR

    error: BaseException
    """What it raised; a `trio.TooSlowError` if it did not return."""


@attrs.frozen(kw_only=True)
class ActorOverdue(Event):
    """
    An actor that had been interrupted did not end in its grace, and is cancelled.
    """

    name = "actor.overdue"
    level = Level.WARNING

    grace: float
    """Seconds it had."""


@attrs.frozen(kw_only=True)
class ActorStopped(Event):
    """
    An actor that was interrupted or cancelled is gone.
    """

    name = "actor.stopped"

    seconds: float
    """How long that took."""

    how: str
    """``drained`` when it ended by itself after the interrupt, ``cancelled`` otherwise."""
