"""
The turn of a worker: how long it may go from job to job before it lets others have theirs.
"""

from __future__ import annotations

from collections.abc import Callable

import attrs
import trio

TURN_SECONDS, HOG_SECONDS = 0.01, 0.001
"""How long a turn lasts: no more than so many seconds; and so many where jobs never give way to the loop."""

PASS_JOBS, FEW_JOBS, MANY_JOBS = 1024, 32, 128
"""How many jobs: all workers do about so many in one pass of the loop, and each no fewer and no more than so many."""

LOOK_JOBS = 16
"""After how many jobs that never give way time is looked at."""


@attrs.define(eq=False)
class Turn:
    """
    What one worker did since it was its turn.
    """

    now: Callable[[], float]
    """The time of the run, for differences."""

    jobs: int = 0
    """How many jobs it began."""

    most: int = FEW_JOBS
    """How many it may begin."""

    look: int = LOOK_JOBS
    """How many it may begin before time is looked at, where none of them gives way."""

    slept: bool = False
    """Whether the last of them gave way to the loop."""

    began: float = 0.0
    """When the turn began, by that time."""

    def begin(self, workers: int) -> None:
        """
        Count from here; so many *workers* have their turns beside this one.
        """
        self.jobs, self.slept, self.began, self.look = 0, False, self.now(), LOOK_JOBS
        self.most = max(FEW_JOBS, min(MANY_JOBS, PASS_JOBS // workers))

    def goes_on(self) -> bool:
        """
        Tell whether there may be more jobs that never give way, and look again after some of them.
        """
        self.look = self.jobs + LOOK_JOBS
        return not self.over

    @property
    def over(self) -> bool:
        """
        Whether it is somebody else's.
        """
        seconds = TURN_SECONDS if self.slept else HOG_SECONDS
        return self.jobs >= self.most or self.now() >= self.began + seconds


def rivals(limiter: trio.CapacityLimiter, own: object | None) -> bool:
    """
    Tell whether anybody waits for a token but *own*, who is in line for the same jobs; where there is nobody, a turn may follow
    upon the other.
    """
    now = limiter.statistics()
    return now.tasks_waiting > (own is not None and own not in now.borrowers)  # It may have one and not have noticed.
