"""
What happened: one frozen class for each kind of event. Data only.

Every transition of the tree is an event, made where and when it happened. Logs, the tree, metrics and tests are all made of
these. The names are part of the interface: two words, a noun and what became of it, frozen by a test.

Laws: an event is never changed. `Event.cause` is the number of an earlier event of the same stream. An error stands in one
event only.
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

    restarts: int
    """Restarts that the budget forgives."""

    per: float
    """In how many seconds it forgives them."""


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
    A supervisor spent its restart budget and stops.
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


@attrs.frozen(kw_only=True)
class JobFailed(Event):
    """
    A job of a pool raised. The error is in its handle too.
    """

    name = "job.failed"
    level = Level.WARNING

    error: BaseException
    """What it raised."""


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
