"""
Where trio_run departs from OTP on purpose.

Each member is a switch of the model: off, the model does what OTP does; on, what we do. Its value is the rule that it follows
from. `docs/explanation/otp.md` has the number of that rule, and what shows that OTP has a problem there.
"""

from __future__ import annotations

import enum


class Deviation(enum.Enum):
    """
    One thing that is done differently, and the rule it follows from.
    """

    WISHES_ARE_KEPT = "Group restarts honour what is wanted: who completed, passed or was stopped does not come back."
    GIVING_UP_IS_A_FAILURE = "For the parent, giving up is a failure like any other, not an orderly shutdown."
    ONE_MOMENT = "Exits of one moment are sorted by start order, and one failure absorbs the others of its group."
    BACKOFF_IS_A_STATE = (
        "A failed attempt to start counts, and takes its group down, when it fails; calls are served then."
    )
    STOP_IN_BACKOFF = (
        "A child that is stopped while it waits for its restart no longer holds up the others of its group."
    )
    RESTART_IN_BACKOFF = "A child that waits for its restart can be restarted at once."
    IN_TURN = "A child does not start before those that come before it in the start order and are still to come."
    STOP_ERRORS_ARE_KEPT = "What children raise while their supervisor stops is raised by the supervisor."


NONE: frozenset[Deviation] = frozenset()
ALL = frozenset(Deviation)
