"""
How a child that ended is brought back: after which delay, with whom, and whether it is forgiven.

That a child should come back is decided in `_core`, and in which order the group moves in `_order`. Here the strategy says who
goes down with it, the backoff how long all wait, and the budget whether there is a next time. Luck is drawn by whoever made
this.

Laws: a group restart counts once. What is not wanted does not come back. Who runs at most once does not come back either.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import attrs

from .._said import said
from ._facts import Exited, Scheduled
from ._line import Line
from ._order import Order
from ._policy import Backoff, Ledger, Restart, Strategy
from ._slot import Phase, Slot
from ._start_order import StartOrder
from ._web import Web


@attrs.define(eq=False)
class Restarts:
    """
    The restarts of one run of a supervisor.
    """

    strategy: Strategy
    backoff: Backoff
    ledger: Ledger
    draw: Callable[[], float]
    """Returns a random number from 0 up to 1."""

    began: float
    start_order: StartOrder = StartOrder.LISTED
    order: Order = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        grouped = self.strategy is not Strategy.ONE_FOR_ONE
        if self.start_order is StartOrder.PARALLEL:
            self.order = Web(grouped=grouped, whole=self.strategy is Strategy.ONE_FOR_ALL)
        else:
            self.order = Line(grouped=grouped)

    def charge(self, culprit: Slot, fact: Exited, now: float) -> Ledger | None:
        """
        Enter a failure in the books.

        Returns:
            The ledger that does not forgive it, or None.
        """
        if now - culprit.ready_at >= self._backoff_of(culprit).stable_after:
            culprit.failures = 0
        culprit.failures += 1
        own = culprit.rules.budget
        line = "" if own is None and self.ledger.budget.is_endless else self._history_line(fact, now)
        if own is not None:
            culprit.ledger = culprit.ledger or Ledger(own)
            if not culprit.ledger.enter(now, line, culprit.failures):
                return culprit.ledger
        return None if self.ledger.enter(now, line, culprit.failures) else self.ledger

    def bring_back(self, culprit: Slot, fact: Exited) -> None:
        """
        Have *culprit* come up again after its delay, with those that go down with it.
        """
        culprit.pause = pause = self._backoff_of(culprit).delay(culprit.failures, self.draw())
        names = self._take_along(culprit) if self.order.grouped else (culprit.name,)
        spent = self.ledger.spent
        self.order.out.append(Scheduled(culprit.name, fact.life, names, pause, culprit.failures, spent))

    def renew(self, slot: Slot, fact: Exited, now: float) -> None:
        """
        Have a child come up again as it asked for: alone, and at no cost.
        """
        slot.pause, slot.due = None, now + fact.delay
        spent = self.ledger.spent
        self.order.out.append(Scheduled(slot.name, fact.life, (slot.name,), fact.delay, slot.failures, spent))

    def _backoff_of(self, slot: Slot) -> Backoff:
        return slot.rules.backoff or self.backoff

    def _take_along(self, culprit: Slot) -> tuple[str, ...]:
        """
        Have those go down and come up again that restart with *culprit*; return the names of all, in start order.
        """
        members = self._members(culprit)
        self.order.hold(culprit, members[0])
        for member in members:
            if member is not culprit:
                member.pause, member.due = None, -math.inf  # What they waited for has been overtaken.
            if member.phase is not Phase.DOWN:
                member.wanted = member.wanted and member.rules.restart is not Restart.NEVER
                self.order.doom(member, f"{self.strategy.value}: {culprit.name} ended")
        return tuple(member.name for member in members)

    def _members(self, culprit: Slot) -> list[Slot]:
        """
        Return who restarts with *culprit*, itself included, in start order.
        """
        rest = self.order.rest_of(culprit) if self.strategy is Strategy.REST_FOR_ONE else self.order.slots.values()
        return [slot for slot in rest if slot.wanted]

    def _history_line(self, fact: Exited, now: float) -> str:
        error = fact.error
        what = fact.ending.value if error is None else said(error)
        return f"after {now - self.began:.3f} s, {fact.name}#{fact.life}: {what}"
