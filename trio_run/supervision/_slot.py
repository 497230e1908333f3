"""
What the core keeps about one child.

Data, and the one change that is the same for every reason: that a life is over. When a child comes up or goes down is for
`_order`; whether it should, for `_core`.
"""

from __future__ import annotations

import enum
import math

import attrs

from ._facts import Verdict
from ._policy import Ledger, Restart
from ._rules import Rules


class Phase(enum.Enum):
    """
    What there is of a child at the moment.
    """

    DOWN = "down"
    """No task."""

    STARTING = "starting"
    """A task that is not ready."""

    UP = "up"
    """Ready."""

    STOPPING = "stopping"
    """Asked to stop, and has its grace."""

    KILLING = "killing"
    """Cancelled, and not gone yet."""


DOWN, STARTING, UP = Phase.DOWN, Phase.STARTING, Phase.UP  # CPython 3.11 takes long to look up a member by its enum.


class Admission(enum.Enum):
    """
    How a child came to its supervisor, and so who has to know if its first start fails.
    """

    BOOT = "boot"
    """With the supervisor: without this child there is no supervisor."""

    CALL = "call"
    """By somebody who waits until it is ready: the failure is theirs, and the child is not kept."""

    PLAN = "plan"
    """With a new plan, in its turn: the failure is that of whoever asked, and the child is not kept."""

    REPLACE = "replace"
    """In the place of another: the failure is that of whoever asked, and the place is kept."""

    QUEUE = "queue"
    """By somebody who does not wait: it is treated like any later failure."""


class End(enum.Enum):
    """
    Why a supervisor ends.
    """

    ASKED = "asked"
    START_FAILED = "start_failed"
    GAVE_UP = "gave_up"
    FATAL = "fatal"
    CHILDREN_ENDED = "children_ended"


@attrs.define(eq=False)
class Slot:
    """
    What the core knows of one child.
    """

    name: str
    rules: Rules
    admission: Admission
    order: int = 0  # Place in the start order.
    turn: int = 0  # The place that it goes down by, where that was settled before the order was changed.
    rank: int = 0  # Children of one rank stop side by side.
    phase: Phase = Phase.DOWN
    wanted: bool = True
    doomed: bool = False  # The present life has to end, and how it does is not news.
    fault: Exception | None = None  # Why the present life is taken down as a failure.
    leaving: bool = False  # To be forgotten once it is down.
    hears: bool = False
    proven: bool = False  # Was ready once, in any life, or had nothing to do: whoever asked for it has it.
    called: bool = False  # It rested; whoever asked for its next start takes the failure of it.
    life: int = 0
    failures: int = 0  # In a row.
    ledger: Ledger | None = None  # Of its own budget, from the first failure on.
    verdict: Verdict | None = None  # On the life before this one, or on the last.
    ready_at: float = math.inf
    beaten_at: float = math.inf  # Its last sign of life.
    doubted: float = -math.inf  # The sign of life since which its beat was found to be late.
    recycled_at: float = math.inf  # When it has been up for long enough.
    patience: float = 0.0  # The grace of the present life, by the rules it began with.
    since: float = -math.inf  # When it was started, asked or cancelled.
    deadline: float = math.inf  # When it is cancelled.
    hurried: bool = False  # Its grace was cut short on the way, so it is not to blame.
    pause: float | None = None  # A delay that has not begun to run.
    due: float = -math.inf  # When it may come up.
    alarm: float = math.inf  # The one entry among the timers that counts.
    reason: str = ""

    @property
    def is_settled(self) -> bool:
        """
        Whether it is where it should be, so that nobody has to wait for it.
        """
        return self.phase is UP or (self.phase is DOWN and not self.wanted)

    @property
    def comes_and_goes(self) -> bool:
        """
        Whether it is one of the many that are started as need be and run once.
        """
        return self.rules.restart is Restart.NEVER and self.admission in {Admission.CALL, Admission.QUEUE}

    @property
    def stops_beside(self) -> bool:
        """
        Whether it may stop beside others of its kind: nobody waited for it before starting the next.
        """
        return self.rules.restart is Restart.NEVER and self.admission is Admission.QUEUE

    def make_ready(self, now: float) -> None:
        """
        Note that the life is ready.
        """
        if self.fault is not None:
            return  # Too late.
        self.proven, self.called, self.ready_at = self.proven or not self.doomed, False, now
        if self.phase is STARTING:
            self.phase, self.alarm = UP, math.inf

    def land(self) -> None:
        """
        Note that the life is over.
        """
        self.phase, self.doomed, self.hears, self.alarm = DOWN, False, False, math.inf
        self.fault = None
