"""
The rules a user can set: small frozen values, and the arithmetic behind them.

When to restart, how long to wait before it, how often to forgive, and who else goes down. What follows from the rules in a
given moment is for `_core` to decide.

Laws: jitter only shortens a delay. The window of a budget slides, and its edge counts as inside. A budget that can never be
spent with its backoff is refused.
"""

from __future__ import annotations

import collections
import math
from typing import Any

import attrs

from .._word import Word


class Strategy(Word):
    """
    Who else goes down with a child that failed. From OTP.
    """

    ONE_FOR_ONE = "one_for_one"
    """Nobody: the children do not depend on each other."""

    ONE_FOR_ALL = "one_for_all"
    """All of its siblings."""

    REST_FOR_ONE = "rest_for_one"
    """The siblings that were started after it: they may depend on it."""


class Restart(Word):
    """
    When a child that ended is started again. OTP says permanent, transient and temporary.
    """

    ALWAYS = "always"
    """Whenever it ends: it is to be up all the time."""

    ON_FAILURE = "on_failure"
    """When it failed: it is to succeed once."""

    NEVER = "never"
    """Not at all: it runs once at the most, and is forgotten when it ends."""


def check_number(instance: object, attribute: attrs.Attribute[Any], value: float) -> None:
    """
    Refuse what is not a number at least 0; for attrs, as a validator.
    """
    if type(value) is float and value >= 0:
        return  # As most are, and children are made by the thousand.
    owner = getattr(instance, "written_as", type(instance).__name__)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{owner}({attribute.name}=...) takes a number, not {value!r}.")
    if not value >= 0:
        raise ValueError(f"{owner}({attribute.name}={value!r}) has to be at least 0.")


def check_count(instance: object, attribute: attrs.Attribute[Any], value: float) -> None:
    """
    Refuse what is no whole number at least 0, nor infinite; for attrs, as a validator.
    """
    if isinstance(value, bool) or not (isinstance(value, int) or value == math.inf):
        raise TypeError(f"{type(instance).__name__}({attribute.name}=...) takes a whole number, not {value!r}.")
    check_number(instance, attribute, value)


@attrs.frozen(kw_only=True)
class Backoff:
    """
    How long to wait before the next life of a child that failed.

    The first restart is immediate; most failures are over at once. The delay before the second is *first* seconds, and each
    further one is *factor* times as long, up to *max*. A life that stayed ready for *stable_after* seconds starts the row
    anew.

    Args:
        first: Delay before the second restart in a row, in seconds.
        factor: How much longer each delay is than the one before; at least 1.
        max: No delay is longer than this, in seconds.
        jitter: The part of a delay, from 0 to 1, that chance may take off, so that children that failed together do not
            come back together.
        stable_after: For how many seconds a child has to have been ready for its failures to be forgotten.

    Raises:
        TypeError: Something is not a number.
        ValueError: A number is out of its range.
    """

    first: float = attrs.field(default=0.1, validator=check_number)
    factor: float = attrs.field(default=2.0, validator=check_number)
    max: float = attrs.field(default=30.0, validator=check_number)
    jitter: float = attrs.field(default=0.5, validator=check_number)
    stable_after: float = attrs.field(default=30.0, validator=check_number)

    def __attrs_post_init__(self) -> None:
        if not self.factor >= 1:
            raise ValueError(f"Backoff(factor={self.factor!r}) has to be at least 1: delays do not shrink.")
        if not self.jitter <= 1:
            raise ValueError(f"Backoff(jitter={self.jitter!r}) is a part of the delay, from 0 to 1.")
        if not self.first <= self.max < math.inf:
            raise ValueError(f"Backoff(first={self.first!r}, max={self.max!r}): max is finite, and not below first.")

    def delay(self, failures: int, luck: float) -> float:
        """
        Return the seconds to wait after that many failures in a row.

        Args:
            failures: Failures in a row, this one included; at least 1.
            luck: A random number from 0 up to 1: how much of the jitter to take off.
        """
        if failures <= 1 or self.first == 0:
            return 0.0
        try:
            full = min(self.max, self.first * float(self.factor) ** (failures - 2))  # Whole numbers would grow.
        except OverflowError:
            full = self.max
        return full * (1 - self.jitter * luck)

    def quickest(self, restarts: int) -> float:
        """
        Return the least time, in seconds, that so many restarts in a row can take.
        """
        total = 0.0
        for failures in range(2, restarts + 1):
            shortest = self.delay(failures, 1.0)
            total += shortest
            if self.factor == 1 or self.delay(failures, 0.0) in {0.0, self.max}:  # From here on all are alike.
                return total + shortest * (restarts - failures)
        return total


@attrs.frozen(kw_only=True)
class Budget:
    """
    How many restarts a supervisor forgives, and for how long it remembers them.

    The window slides: a restart counts for *per* seconds, the last instant included. One more failure than *restarts* in
    that time, and the supervisor gives up. A group that restarts together counts once, a failed attempt to start counts
    once, and what a person asks for never counts. From OTP, where this is intensity and period.

    A child that takes long to fail never has many failures in a window. What it has is a row of them, without a life between
    that was stable (see `Backoff`); one more than *in_a_row*, and the supervisor gives up too.

    Args:
        restarts: How many restarts are forgiven; with ``math.inf`` any number.
        per: In how many seconds.
        in_a_row: How many failures of one child in a row are forgiven; any number unless given.

    Raises:
        TypeError: Something is not a number.
        ValueError: A number is below 0, or *per* is 0.
    """

    restarts: float = attrs.field(default=10, validator=check_count)
    per: float = attrs.field(default=60.0, validator=check_number)
    in_a_row: float = attrs.field(default=math.inf, validator=check_count)

    def __attrs_post_init__(self) -> None:
        if not self.per > 0:
            raise ValueError(f"Budget(per={self.per!r}) is a number of seconds above 0.")

    @property
    def is_endless(self) -> bool:
        """
        Whether it forgives all, so that nobody will ever ask what was spent of it.
        """
        return self.restarts == self.in_a_row == math.inf


def check_reachable(budget: Budget, backoff: Backoff, whose: str = "This budget") -> None:
    """
    Refuse a budget that no child could ever spend: neither by failing at once, for ever, nor just after it was stable.

    One that forgives without end says so itself, and is let pass; so is one that a row of failures spends.

    Raises:
        ValueError: The delays are so long that the window has always forgotten enough.
    """
    restarts = budget.restarts
    if not isinstance(restarts, int) or budget.in_a_row < math.inf:
        return
    least = min(backoff.quickest(restarts), backoff.stable_after * restarts)
    if least > budget.per:
        raise ValueError(
            f"{whose} can never be spent: {restarts} restarts take at least {least:g} s with this backoff, and "
            f"the budget forgets them after {budget.per:g} s. Use Budget(per=...) of {least + 0.5:.0f} s or more, fewer "
            f"restarts, or a Backoff with a shorter max; or Budget(in_a_row=...). To never give up, say "
            f"Budget(restarts=math.inf)."
        )


@attrs.define(eq=False)
class Ledger:
    """
    What was spent of a budget.
    """

    budget: Budget
    _spent: collections.deque[tuple[float, str]] = attrs.field(factory=collections.deque)
    row_is_spent: bool = False
    """Whether it was a row of failures that it did not forgive."""

    @property
    def spent(self) -> int:
        """
        How many restarts counted when the last one was entered.
        """
        return len(self._spent)

    @property
    def history(self) -> tuple[str, ...]:
        """
        A line for each restart that counted then, oldest first.
        """
        return tuple(line for _when, line in self._spent)

    def enter(self, now: float, line: str, row: int = 1) -> bool:
        """
        Enter a failure at *now*, described by *line*, the last of a *row*; tell whether the budget forgives it.
        """
        spent, budget = self._spent, self.budget
        if budget.is_endless:
            return True
        if budget.restarts < math.inf:
            while spent and spent[0][0] < now - budget.per:
                spent.popleft()
        elif len(spent) > budget.in_a_row:  # Nobody counts these; the history is as long as a row.
            spent.popleft()
        spent.append((now, line))
        if len(spent) > budget.restarts:
            return False
        self.row_is_spent = row > budget.in_a_row
        return not self.row_is_spent
