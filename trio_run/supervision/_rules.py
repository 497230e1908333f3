"""
The rules of one child: when it is restarted, how often, and what follows from how it ended.

Values and their checks; what follows from them in a given moment is for `_core`.

Laws: rules that contradict each other are refused. A budget that can never be spent is refused, the child's own too.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import attrs

from .._word import Word
from ._policy import Backoff, Budget, Restart, check_number, check_reachable


class OnGiveUp(Word):
    """
    What becomes of a child that has spent a budget of its own.
    """

    ESCALATE = "escalate"
    """Its supervisor gives up."""

    PARK = "park"
    """It stays down until somebody restarts it, and its siblings live."""

    DROP = "drop"
    """It is forgotten, and its siblings live."""


class Decision(Word):
    """
    What an error means: the answer of a ``classify`` function.
    """

    RESTART = "restart"
    """It is a failure, and the rules of the child say what follows. So it is where nobody is asked."""

    STOP = "stop"
    """Another life would not help: the child stays down, and its siblings live."""

    ESCALATE = "escalate"
    """This is beyond the supervisor: it stops all its children and gives up, whatever its budget says."""


def check_type(kind: type, name: str, value: object) -> None:
    """
    Raise TypeError if *value*, given to a child as *name*, is not of *kind*.
    """
    if not isinstance(value, kind):
        raise TypeError(f"A child takes a {kind.__name__} for {name}, not {value!r}.")


def _check_above_zero(instance: object, attribute: attrs.Attribute[Any], value: float) -> None:
    check_number(instance, attribute, value)
    if not value:
        raise ValueError(f"Child({attribute.name}={value!r}) is a number of seconds above 0.")


@attrs.frozen
class MaxAge:
    """
    How long a child is up before it is recycled: stopped as usual, and started anew, which is no failure.

    Args:
        seconds: The longest that it is up, counted from ready.
        jitter: The part of it, from 0 to 1, that chance may take off, so that children that came together do not go together.

    Raises:
        TypeError: Something is not a number.
        ValueError: A number is out of its range.
    """

    seconds: float = attrs.field(validator=check_number)
    jitter: float = attrs.field(default=0.1, validator=check_number)

    def __attrs_post_init__(self) -> None:
        if not self.seconds > 0 or not self.jitter <= 1:
            raise ValueError(f"{self!r} takes seconds above 0, and a jitter from 0 to 1.")

    def drawn(self, luck: float) -> float:
        """
        Return the age of one life, in seconds; *luck* is a random number from 0 up to 1.
        """
        return self.seconds * (1 - self.jitter * luck)


@attrs.frozen(kw_only=True, repr=False)
class Rules:
    """
    What a child is kept by.
    """

    written_as: ClassVar[str] = "Child"
    """What users write to have these rules; errors about them begin so."""

    restart: Restart = Restart.ALWAYS
    grace: float = attrs.field(default=5.0, validator=check_number)
    backoff: Backoff | None = None
    """None for that of the supervisor."""

    budget: Budget | None = None
    """Besides that of the supervisor."""

    on_give_up: OnGiveUp = OnGiveUp.ESCALATE
    beat: float = attrs.field(default=math.inf, validator=_check_above_zero)
    max_age: MaxAge | None = None
    significant: bool = False
    after: tuple[str, ...] | None = None
    """None where it does not say."""

    start_timeout: float = attrs.field(default=math.inf, validator=_check_above_zero)

    def __attrs_post_init__(self) -> None:
        if self.backoff is not None:
            check_type(Backoff, "backoff", self.backoff)
        if self.budget is not None:
            check_type(Budget, "budget", self.budget)
            if self.restart is Restart.NEVER:
                raise ValueError("A child with restart='never' has no use for a budget: it is never restarted.")
        if self.on_give_up is not OnGiveUp.ESCALATE and (self.budget is None or self.budget.is_endless):
            raise ValueError(
                f"A child with on_give_up={self.on_give_up.value!r} needs a budget of its own to spend: give it budget=Budget(...)."
            )
        if self.max_age is not None:
            check_type(MaxAge, "max_age", self.max_age)
            if self.restart is Restart.NEVER:
                raise ValueError("A child with restart='never' cannot be recycled: it has one life. Take max_age away.")
        if self.significant and self.restart is Restart.ALWAYS:
            raise ValueError(
                "A child with restart='always' never ends, so it cannot be significant. Use restart='on_failure'."
            )

    def __repr__(self) -> str:
        given = ", ".join(
            f"{field.name}={value!r}"
            for field in attrs.fields(Rules)
            if (value := getattr(self, field.name)) != field.default
        )
        return f"Rules({given})"


def check_fit(name: str, rules: Rules, budget: Budget, backoff: Backoff) -> None:
    """
    Refuse rules of the child *name* that make no sense below a supervisor with this *budget* and *backoff*.

    Raises:
        ValueError: Neither its own budget nor that of the supervisor could ever be spent, or its own only later.
    """
    own = rules.budget
    if own is None and rules.backoff is None:
        return
    whose = f"the supervisor, for the child {name!r}," if own is None else f"the child {name!r}"
    check_reachable(own or budget, rules.backoff or backoff, f"The budget of {whose}")
    if own is None or rules.on_give_up is OnGiveUp.ESCALATE or own.in_a_row < math.inf:
        return
    if budget.restarts < own.restarts and budget.per >= own.per:
        lost = "parked" if rules.on_give_up is OnGiveUp.PARK else "dropped"
        raise ValueError(
            f"The child {name!r} could never be {lost}: its supervisor gives up after {budget.restarts} restarts in "
            f"{budget.per:g} s, and it would after {own.restarts} in {own.per:g} s. Give it a smaller budget, or the "
            f"supervisor a larger one."
        )
