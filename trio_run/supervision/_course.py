"""
The course of one run of a supervisor: who there is, and whether and why it ends.

State, and the moves that end it. What leads to them is for `_core`, where orders come from, and for `_judge`, where facts do.

Law: once stopping has begun, nothing is started, and the first reason stands.
"""

from __future__ import annotations

import math

import attrs

from ._exit_rule import ExitRule
from ._facts import Forget, Stopping
from ._order import Order
from ._policy import Ledger, Restart
from ._restarts import Restarts
from ._slot import End, Phase, Slot


@attrs.define(eq=False)
class Course:
    """
    How one run of a supervisor stands.
    """

    path: str
    restarts: Restarts
    """How children are brought back."""

    exit_rule: ExitRule = attrs.field(factory=ExitRule)
    """When it ends because they did."""

    max_children: float = math.inf
    """How many there may be, those that are down included."""

    end: End | None = None
    """Why the supervisor ends; None as long as it does not."""

    culprit: str = ""
    """The child that made it end."""

    broken: Ledger | None = None
    """The ledger that did not forgive it; None if it ended for another reason."""

    errors: list[BaseException] = attrs.field(factory=list)
    """What made it end, and what children raised while it stopped."""

    order: Order = attrs.field(init=False)
    slots: dict[str, Slot] = attrs.field(init=False)
    """The children by name, in start order; the very dict of *order*."""

    def __attrs_post_init__(self) -> None:
        self.order = self.restarts.order
        self.slots = self.order.slots

    @property
    def stopping(self) -> bool:
        """
        Whether the supervisor is on its way out.
        """
        return self.end is not None

    @property
    def done(self) -> bool:
        """
        Whether it has stopped, and nothing is left.
        """
        return self.end is not None and self.order.live == 0

    @property
    def history(self) -> tuple[str, ...]:
        """
        A line for each failure that counted against the budget that was spent, or else against that of the supervisor.
        """
        return (self.broken or self.restarts.ledger).history

    def stop(self, end: End, deadline: float, reason: str) -> None:
        """
        Stop all children, the last started first, until *deadline* at the latest; a second call can only shorten that.
        """
        self.order.shorten(deadline)
        if self.end is not None:
            return
        self.end = end
        self.order.closing = True
        self.order.out.append(Stopping(reason))
        for slot in reversed(self.slots.values()):
            slot.wanted = False
            if slot.phase is not Phase.DOWN:
                self.order.doom(slot, reason)

    def abort(self, error: BaseException, now: float) -> None:
        """
        Stop all children without grace, because of an *error* that is nobody's.
        """
        self.errors.append(error)
        self.stop(End.FATAL, now, f"{type(error).__name__} was raised")

    def place(self, slot: Slot) -> None:
        """
        Decide what to do with a child that is down: bring it up, keep it, or forget it.
        """
        self.exit_rule.note(slot)
        if slot.wanted:
            self.order.queue(slot)
            return
        self.order.settled(slot)
        if not self.stopping and (slot.leaving or slot.rules.restart is Restart.NEVER):
            self.order.forget(slot)
            self.order.out.append(Forget(slot.name))
