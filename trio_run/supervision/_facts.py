"""
The language between the core and the shell: facts go in, actions come out. Data only.

A fact is what happened to one life of a child. An action is what is to be done about it, or what was decided and is worth
telling. Names of children are those within their supervisor; times are seconds of one clock.
"""

from __future__ import annotations

import enum
from typing import NamedTuple, TypeAlias

from ._rules import Decision


class Ending(enum.Enum):
    """
    How a life ended.
    """

    FINISHED = "finished"
    """The runner returned."""

    FAILED = "failed"
    """It raised an ordinary exception."""

    CANCELLED = "cancelled"
    """Its own scope was cancelled, and it went with that."""

    DONE = "done"
    """It raised `Done`: it is not needed any more, whatever its restart rule says."""

    IGNORED = "ignored"
    """It raised `Ignore` before it was ready: there is nothing to do for it."""

    AGAIN = "again"
    """It raised `RestartAfter`: it wants a new life, and that is no failure."""

    UNHEALTHY = "unhealthy"
    """It was taken down because it was not well; what it raised is not what ended it."""

    FATAL = "fatal"
    """It raised what no supervisor may hold: KeyboardInterrupt, SystemExit and their like."""


class Verdict(enum.Enum):
    """
    What becomes of a child whose life ended.
    """

    RISES = "rises"
    """It gets another life."""

    RESTS = "rests"
    """It is done, or another life would not help; it stays down until a person starts it."""

    IGNORED = "ignored"
    """It had nothing to do; it stays down until a person starts it."""

    PARKED = "parked"
    """It spent its own budget; it stays down until a person starts it."""

    STOPPED = "stopped"
    """It was asked to go; it stays down until a person starts it."""

    DROPPED = "dropped"
    """It had its one life, or spent its own budget, and is forgotten."""

    REFUSED = "refused"
    """It never was ready, and whoever asked for it is told."""

    DOOMS = "dooms"
    """It takes its supervisor with it."""


class Ready(NamedTuple):
    """
    A fact: the child is ready.
    """

    name: str
    life: int


class Hears(NamedTuple):
    """
    A fact: the child listens for a request to stop.
    """

    name: str
    life: int


class Beat(NamedTuple):
    """
    A fact: the child has given a sign of life.
    """

    name: str
    life: int


class Extended(NamedTuple):
    """
    A fact: the child asks for *seconds* more, from now.
    """

    name: str
    life: int
    seconds: float


class Unwell(NamedTuple):
    """
    A fact: a probe has found the child unhealthy.
    """

    name: str
    life: int
    reason: str
    error: Exception
    """What the probe said last."""


class Exited(NamedTuple):
    """
    A fact: the life is over, and its task all but gone.
    """

    name: str
    life: int
    ending: Ending
    error: BaseException | None
    decision: Decision = Decision.RESTART
    """What the error means, where there is one."""

    delay: float = 0.0
    """How long to wait, where it asked to be started again."""


Fact: TypeAlias = Ready | Hears | Beat | Extended | Unwell | Exited


class Start(NamedTuple):
    """
    An action: begin this life.
    """

    name: str
    life: int


class Ask(NamedTuple):
    """
    An action: ask the child to stop until *deadline*; *again*, if only that is new.
    """

    name: str
    deadline: float
    reason: str
    again: bool = False


class Cancel(NamedTuple):
    """
    An action: cancel the child. *grace* is what it had if it was asked before, and None if it was not.
    """

    name: str
    grace: float | None
    reason: str


class Stuck(NamedTuple):
    """
    An action: report a child that was cancelled *seconds* ago and is still there.
    """

    name: str
    seconds: float


class Judged(NamedTuple):
    """
    An action: tell what becomes of a child whose life ended.
    """

    fact: Exited
    verdict: Verdict
    history: tuple[str, ...] = ()
    """A line for each failure that counted, where the child is parked."""


class Scheduled(NamedTuple):
    """
    An action: tell that *members* come up again after *delay* seconds, because *culprit* ended.
    """

    culprit: str
    life: int
    members: tuple[str, ...]
    delay: float
    failures: int
    spent: int


class Booted(NamedTuple):
    """
    An action: tell that all the children of the start are ready.
    """


class Forget(NamedTuple):
    """
    An action: drop all that is kept about a child that is down.
    """

    name: str


class Stopping(NamedTuple):
    """
    An action: tell that the supervisor stops.
    """

    reason: str


Action: TypeAlias = Start | Ask | Cancel | Stuck | Judged | Scheduled | Booted | Forget | Stopping
