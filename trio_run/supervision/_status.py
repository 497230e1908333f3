"""
What users see of a supervisor: values that say what was so at one moment.

Made where the state is known; here is only what they look like.
"""

from __future__ import annotations

from typing import Any, cast

import attrs


@attrs.frozen
class ChildStatus:
    """
    What a supervisor says of one child: a picture of one moment.
    """

    name: str
    """Its name within the supervisor."""

    phase: str
    """``down``, ``starting``, ``up``, ``stopping`` or ``killing``."""

    wanted: bool
    """Whether it is to be up."""

    life: int
    """How many lives it has had, the present one included."""

    failures: int
    """Failures in a row, without a stable life between."""


@attrs.frozen(kw_only=True)
class ChildSnapshot:
    """
    One child at one moment, with all below it.
    """

    name: str
    """Its name within the supervisor."""

    path: str
    """Where it stands, as in ``shop/db``."""

    phase: str
    """``down``, ``starting``, ``up``, ``stopping`` or ``killing``."""

    wanted: bool
    """Whether it is to be up."""

    restart: str
    """When it is started again: ``always``, ``on_failure`` or ``never``."""

    life: int = 0
    """How many lives it has had, the present one included."""

    failures: int = 0
    """Failures in a row, without a stable life between."""

    seconds: float | None = None
    """How long ago the present life began; None if there is none."""

    starts_in: float | None = None
    """In how many seconds the next life begins; None if nothing is set."""

    outcome: str | None = None
    """How the last life that is over ended: ``finished``, ``failed``, ``cancelled`` or ``stopped``; None before that."""

    last_error: str | None = None
    """What the last life that failed raised, in one line."""

    supervisors: tuple[SupervisorSnapshot, ...] = ()
    """Those that run in it: the child itself if it is one, and those that it opened."""


@attrs.frozen(kw_only=True)
class SupervisorSnapshot:
    """
    A supervisor at one moment, with all below it.
    """

    name: str
    """Its name within the tree."""

    path: str
    """Where it stands, as in ``shop/workers``."""

    phase: str
    """``not running``, ``starting``, ``up``, ``stopping``, ``stopped`` or ``failed``."""

    strategy: str
    """Which siblings go down with a child that failed."""

    spent: int = 0
    """Restarts that counted against its budget when the last was entered."""

    reason: str | None = None
    """Why it stops, or stopped."""

    children: tuple[ChildSnapshot, ...] = ()
    """In start order."""

    def as_dict(self) -> dict[str, Any]:
        """
        Return the same as dictionaries, lists, strings and numbers, as JSON has them.
        """
        return attrs.asdict(self, value_serializer=_with_lists)


def _with_lists(_owner: object, _field: object, value: object) -> object:
    return list(cast("tuple[object, ...]", value)) if isinstance(value, tuple) else value
