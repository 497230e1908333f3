"""
What cancel_everywhere and fault_everywhere report.

Values only: a finding says what went wrong, where, and at which point it was provoked. Findings that differ in nothing but the
point are printed as one.

Law: an empty report is a clean one.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator

import attrs

from ._everywhere_places import Place


class Verdict(enum.Enum):
    """
    What can be wrong with a run.
    """

    SWALLOWED = "swallowed"
    """The function was cancelled and returned as if it was not."""

    CHILD_SWALLOWED = "child swallowed"
    """The same, in a task other than the first."""

    WRONG_EXCEPTION = "wrong exception"
    """Something else came out than what was put in."""

    LIVELOCK = "livelock"
    """A task is cancelled again and again and goes on, or the run goes on without end."""

    HANG = "hang"
    """It did not end: nothing can wake what is left, or it takes longer than anybody waits."""

    LEAK = "leak"
    """It ended and left something behind."""

    INVARIANT = "invariant"
    """The check that the caller gave did not hold."""

    CRASH = "crash"
    """Trio itself broke down."""


class How(enum.Enum):
    """
    What is done to the run at a point.
    """

    START = "cancel before the start of"
    """Before the first step of the function."""

    WAITING = "cancel while at"
    """The task waits, and its wait is ended."""

    PENDING = "cancel pending at"
    """The task was woken and its operation takes effect; the next checkpoint raises."""

    EXITED = "cancel after the end of"
    """The task is over, and nobody has heard of it."""

    FAULT = "fault at"
    """The wait of the task ends with an error."""

    SOMETIMES = "sometimes"
    """A call of `sometimes` answers True."""


@attrs.frozen
class Point:
    """
    One moment of a run, and what is done to it there.
    """

    number: int
    """Its place in the run: give it as *at* to have this point tried alone."""

    how: How
    task: str
    place: Place | None
    name: str = ""
    """What `sometimes` was called with."""

    schedule: int = 0
    """In which order tasks ran: 0 for that of their birth."""

    @property
    def where(self) -> str:
        """
        The options that have this point tried alone.
        """
        return f"at={self.number}" + (f", schedules=({self.schedule},)" if self.schedule else "")

    def __str__(self) -> str:
        name = f" {self.name!r}" if self.name else ""
        return f"{self.how.value}{name} {self.place or 'an unknown place'} (task {self.task})"


@attrs.frozen
class Finding:
    """
    One thing that went wrong in one run.
    """

    verdict: Verdict
    text: str
    """What went wrong, in a line or more."""

    place: Place | None
    """Which line is to blame, or the nearest there is."""

    point: Point | None
    """What was done to the run; None where nothing was, and it went wrong by itself."""

    @property
    def file(self) -> str:
        """
        The file that is to blame; empty where it is not known.
        """
        return self.place.file if self.place is not None else ""

    @property
    def line(self) -> int:
        """
        The line that is to blame; 0 where it is not known.
        """
        return self.place.line if self.place is not None else 0

    def __str__(self) -> str:
        why = f"{self.point} [{self.point.where}]" if self.point is not None else "with nothing done to it"
        return f"{self.verdict.value}: {self.place or '?'}: {self.text}\n    {why}"


@attrs.frozen
class Everywhere:
    """
    What came of all runs.

    Attributes:
        subject: The function that was run.
        findings: What went wrong; empty if nothing did.
        points: The points that were tried, in order.
        unreached: How many points remained when *max_points* ran out; 0 if all were tried.
        missed: How many points did not come again, since the runs of the function are not equal.
    """

    subject: str
    findings: tuple[Finding, ...]
    points: tuple[Point, ...]
    unreached: int = 0
    missed: int = 0

    def raise_if_found(self) -> None:
        """
        Raise if there are findings, or points that were not tried.

        Raises:
            EverywhereError: What this prints as.
        """
        if self.findings or self.unreached:
            raise EverywhereError(self)

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        groups = self._groups()
        found = f"{len(groups)} findings" if len(groups) != 1 else "1 finding"
        yield f"{self.subject}: {found if groups else 'clean'} at {len(self.points)} points"
        if self.unreached:
            yield f"  Another {self.unreached} points were not tried: raise max_points to try them."
        if self.missed:
            yield f"  {self.missed} points did not come again: its runs depend on something outside."
        for verdict, place, text in groups:
            yield f"  {verdict.value}: {place or 'an unknown place'}"
            yield from (f"      {line}" for line in text.splitlines())
            yield from self._provoked(groups[verdict, place, text])

    def _provoked(self, points: list[Point | None]) -> Iterator[str]:
        shown = [point for point in points if point is not None]
        if len(shown) < len(points):
            yield "    with nothing done to it"
        for point in shown[:3]:
            yield f"    {point.where}: {point}"
        if len(shown) > 3:
            yield f"    and at {len(shown) - 3} other points: {', '.join(str(each.number) for each in shown[3:23])}" + (
                " …" if len(shown) > 23 else ""
            )

    def _groups(self) -> dict[tuple[Verdict, Place | None, str], list[Point | None]]:
        groups: dict[tuple[Verdict, Place | None, str], list[Point | None]] = {}
        for each in self.findings:
            points = groups.setdefault((each.verdict, each.place, each.text), [])
            if each.point not in points[-1:]:  # A run may have the same finding twice.
                points.append(each.point)
        return groups


class EverywhereError(AssertionError):
    """
    A function that does not survive everywhere what is done to it.

    Attributes:
        report: What was found.
    """

    def __init__(self, report: Everywhere) -> None:
        self.report: Everywhere = report
        super().__init__(report)

    def __str__(self) -> str:
        return str(self.report)
