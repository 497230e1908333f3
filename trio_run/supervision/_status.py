"""
What users see of a supervisor: values that say what was so at one moment.

Made where the state is known; here is only what they look like.
"""

from __future__ import annotations

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
