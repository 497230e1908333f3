"""
The turn of a worker: how long it may go from job to job before it lets others have theirs.
"""

from __future__ import annotations

from collections.abc import Callable

import attrs
import trio

TURN_JOBS, TURN_SECONDS = 32, 0.01
"""How long a turn lasts: no more than so many jobs; where jobs sleep, no more than so many seconds either."""


@attrs.define(eq=False)
class Turn:
    """
    What one worker did since it was its turn.
    """

    now: Callable[[], float]
    """The clock of the run."""

    jobs: int = 0
    """How many jobs it began."""

    slept: bool = False
    """Whether the last of them gave way to the loop."""

    until: float = 0.0
    """When the turn is over, in seconds of that clock."""

    def begin(self) -> None:
        """
        Count from here.
        """
        self.jobs, self.slept, self.until = 0, False, self.now() + TURN_SECONDS

    @property
    def over(self) -> bool:
        """
        Whether it is somebody else's.
        """
        return self.jobs >= TURN_JOBS or (self.slept and self.now() >= self.until)


def rivals(limiter: trio.CapacityLimiter, own: object | None) -> bool:
    """
    Tell whether anybody waits for a token but *own*, who is in line for the same jobs; where there is nobody, a turn may follow
    upon the other.
    """
    now = limiter.statistics()
    return now.tasks_waiting > (own is not None and own not in now.borrowers)  # It may have one and not have noticed.
