"""
What happened in a run so far: data only.
"""

from __future__ import annotations

import collections

import attrs
import trio


@attrs.define(eq=False)
class Record:
    """
    Counts of what happened, and what must not have happened.
    """

    violations: list[str] = attrs.field(factory=list)
    counts: collections.Counter[str] = attrs.field(factory=collections.Counter)
    written: int = 0
    """How many lines were written so far."""

    shaking: trio.Lock = attrs.field(factory=trio.Lock)
    """Held while something is made to fail or stopped: one thing at a time, and connections may be cut meanwhile."""

    def violate(self, text: str) -> None:
        """
        Note what must not be.
        """
        self.violations.append(text)
