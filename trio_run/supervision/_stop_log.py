"""
The notes that are taken while a supervisor stops.

Law: every child that it had when it began to stop is in the report, once.
"""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from ._exits import ChildExit, StopReport
from ._seat import Seat


@attrs.define(eq=False)
class StopLog:
    """
    How the children of one run ended.
    """

    reason: str | None = None
    _exits: dict[str, ChildExit] = attrs.field(factory=dict)

    def begin(self, reason: str, down: Iterable[Seat]) -> None:
        """
        Note why the stop began, and who was *down*; those who wait for one of them to come up wait for nothing.
        """
        self.reason = reason
        for seat in down:
            self._exits.setdefault(seat.child.name, attrs.evolve(seat.exit(), how="ended", seconds=0.0))
            seat.abandon()

    def ended(self, seat: Seat) -> None:
        """
        Note a child that ended since.
        """
        self._exits[seat.child.name] = seat.exit()

    def report(self, path: str, seconds: float) -> StopReport:
        """
        Return what the stop came to.
        """
        return StopReport(path=path, reason=self.reason or "", seconds=seconds, children=tuple(self._exits.values()))
