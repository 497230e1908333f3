"""
What happened to a whole run of the command: one frozen class for each kind of event. Data only.

They are of the same stream and form as those of `trio_run.events`; the path is that of the root.

Laws: a run that has a beginning has an end, however its root ended. The names are frozen by a test.
"""

from __future__ import annotations

import attrs

from ..events import Event, Level


@attrs.frozen(kw_only=True)
class RunStarted(Event):
    """
    The command begins to run a root.
    """

    name = "run.started"

    pid: int
    """The process."""


@attrs.frozen(kw_only=True)
class RunReady(Event):
    """
    The root is ready.
    """

    name = "run.ready"

    seconds: float
    """How long that took."""


@attrs.frozen(kw_only=True)
class RunStopping(Event):
    """
    The root was asked to stop.
    """

    name = "run.stopping"

    reason: str
    """Why."""

    grace: float
    """Seconds it has before it is cancelled; 0 where it does not listen."""

    alive: tuple[str, ...]
    """Who is still there, and what each is doing; of many, the first few."""


@attrs.frozen(kw_only=True)
class RunWaiting(Event):
    """
    The root was asked to stop some time ago, and is still there.
    """

    name = "run.waiting"

    seconds: float
    """How long ago it was asked."""

    alive: tuple[str, ...]
    """Who is still there, and what each is doing; of many, the first few."""


@attrs.frozen(kw_only=True)
class RunEscalated(Event):
    """
    The root is cancelled: it was asked to stop, and that took too long.
    """

    name = "run.escalated"
    level = Level.WARNING

    reason: str
    """Why."""

    alive: tuple[str, ...]
    """Who is still there, and what each is doing; of many, the first few."""


@attrs.frozen(kw_only=True)
class RunFailed(Event):
    """
    The root raised.
    """

    name = "run.failed"
    level = Level.ERROR

    error: BaseException
    """What it raised."""


@attrs.frozen(kw_only=True)
class RunStopped(Event):
    """
    The root is gone, and the process is about to end.
    """

    name = "run.stopped"

    seconds: float
    """How long the run lasted."""

    code: int
    """The exit code as a shell sees it: death by signal n is 128 + n."""
