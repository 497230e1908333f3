"""
The tools on one test: it is explored, cancelled everywhere, failed everywhere, or run again as a token tells.

What is looked for, and how, is in `trio_run.testing`; here each of its runs is a lap of the test with its fixtures.

Laws: what failed before is tried first. A test that fails when nothing is done to it is reported as if there were no tools.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence

import attrs

from ..testing import Exploration, Finding, Verdict
from ..testing._everywhere import Search
from ..testing._everywhere_cancel import CancelZone
from ..testing._everywhere_fault import FaultZone
from ..testing._everywhere_trial import Trial
from ..testing._everywhere_zone import Zone
from ..testing._explore import Exploring as ExploringRuns
from ..testing._explore import chance_left_alone
from ..testing._explore_choosers import Told
from ..testing._explore_engine import ENGINE
from ..testing._explore_listing import listing
from ..testing._explore_run import Rules
from ..testing._explore_run import Run as ScheduledRun
from ..testing._explore_steering import Chooser
from ..testing._explore_steps import Record
from ..testing._explore_token import Token
from ._collecting import Exploring, Trying
from ._laps import Lap, Laps
from ._runs import Disturbed, OnSchedule
from ._tokens import MOST, At, command, token_of


class NotTried(Exception):
    """
    A lap did not come to what the tool wanted of it.

    Attributes:
        lap: The lap.
    """

    def __init__(self, lap: Lap) -> None:
        self.lap: Lap = lap
        super().__init__(lap)


@attrs.frozen
class Found:
    """
    What a tool has to say of a test.
    """

    lap: Lap | None = None
    """The lap that failed by itself; None if the failure is in the text alone."""

    text: str = ""
    """Why the test fails; empty if it does not."""

    tokens: tuple[str, ...] = ()
    runs: int = 0
    points: int = 0
    untried: int = 0
    """How many points there were beyond those."""

    notes: tuple[str, ...] = ()
    """What is to be told although the test does not fail."""


class LapFailed(AssertionError):
    """
    A lap failed in its fixtures, or for what it left behind.
    """


@attrs.define(eq=False)
class _Schedules:
    """
    Runs of a test on schedules.
    """

    laps: Laps
    first: tuple[BaseException, Lap] | None = None
    last: tuple[BaseException, Lap] | None = None
    """The first and the last run that failed."""

    def drive(self, chooser: Chooser, trace: list[Record] | None, rules: Rules) -> ScheduledRun:
        """
        Run the test once, on a schedule.

        Raises:
            NotTried: It was skipped, took too long, or brings a clock of its own.
        """
        turn = OnSchedule(chooser, rules, trace)
        lap = self.laps.once(turn)
        run = turn.came_of_it
        if run is None or lap.was_ended or lap.skipped:
            raise NotTried(lap)
        if not lap.failed:
            return attrs.evolve(run, error=None)
        error = run.error or LapFailed(lap.what_failed())
        self.last = error, lap
        self.first = self.first or self.last
        return attrs.evolve(run, error=error)

    def lap_of(self, error: BaseException | None) -> Lap | None:
        """
        Return the lap that failed with *error*.
        """
        return next((lap for each, lap in filter(None, (self.first, self.last)) if each is error), None)


def explore(laps: Laps, how: Exploring, tokens: Sequence[str]) -> Found:
    """
    Run the test on many schedules, first on those of *tokens*.
    """
    for text in tokens:
        again = _on_schedule_of(laps, text, how.max_steps)
        if again.text:
            return again
    schedules, rules = _Schedules(laps), Rules(how.model, how.slack, how.max_steps, ENGINE)
    with chance_left_alone():
        result = ExploringRuns(schedules.drive, how.seed, rules).run(how.strategy, how.schedules, how.preemptions)
    if result.failure is None:
        return Found(runs=result.runs, notes=() if result.diverged is None else (result.diverged,))
    found = Found(schedules.lap_of(result.failure), _explored(laps, result), (str(result.token),), result.runs)
    result.failure.__traceback__ = None  # Its frames hold what the test had.
    return found


def _explored(laps: Laps, result: Exploration) -> str:
    return f"{result}\n\nRun it again: {command(laps.item, str(result.token))}"


def _on_schedule_of(laps: Laps, text: str, max_steps: int) -> Found:
    """
    Run the test on the schedule of a token.
    """
    token = Token.read(text)
    schedules, rules = _Schedules(laps), Rules(token.model, token.slack, max_steps, ENGINE)
    with chance_left_alone():
        run = schedules.drive(Told(token.choices), [], rules)
    steps = f"The schedule {text}:\n{listing(run.steps)}"
    if run.error is None:
        return Found(runs=1, notes=(f"{steps}\nIt does not fail.",))
    told = f"{steps}\nIt fails with {type(run.error).__name__}.\n\nRun it again: {command(laps.item, text)}"
    return Found(schedules.lap_of(run.error), told, (text,), 1)


def try_everywhere(laps: Laps, how: Trying, tokens: Sequence[str]) -> Found:
    """
    Do something to the test at each of its points, first at those of *tokens*.
    """
    for text in tokens:
        with contextlib.suppress(ValueError):  # There is no such point any more.
            again = _at_point_of(laps, how, text)
            if again.text:
                return again
    report = _search(laps, how).run(None, how.schedules)
    if not report.findings:
        return Found(points=len(report.points), untried=report.unreached)
    found = tuple(dict.fromkeys(_tokens_of(how.kind, report.findings)))[:MOST]
    commands = "\n".join(f"Run it again: {command(laps.item, each)}" for each in found)
    return Found(None, f"{report}\n\n{commands}", found, points=len(report.points), untried=report.unreached)


def _tokens_of(kind: str, findings: Sequence[Finding]) -> Iterator[str]:
    told: set[tuple[Verdict, object, str]] = set()
    for each in findings:
        if each.point is not None and (each.verdict, each.place, each.text) not in told:
            told.add((each.verdict, each.place, each.text))
            yield token_of(kind, each.point)


def _at_point_of(laps: Laps, how: Trying, text: str) -> Found:
    at = At.read(text)
    report = _search(laps, how).run(at.number, (at.schedule,))
    if report.findings:
        return Found(None, f"{report}\n\nRun it again: {command(laps.item, text)}", (text,), points=1)
    return Found(points=1, notes=(f"{report}\nIt does not fail at {text}.",))


def replay(laps: Laps, how: Exploring | Trying, token: str) -> Found:
    """
    Run the test once, as *token* tells.
    """
    if isinstance(how, Exploring):
        return _on_schedule_of(laps, token, how.max_steps)
    return _at_point_of(laps, how, token)


def _search(laps: Laps, how: Trying) -> Search:
    def zone(at: int | None) -> Zone:
        return CancelZone(at) if how.fault is None else FaultZone(at, how.fault, how.tasks, how.times)

    return Search(laps.item.name, _driving(laps), how.rules, zone, how.accepted, how.max_points, how.seed)


def _driving(laps: Laps) -> Callable[[Trial], list[Finding]]:
    def drive(trial: Trial) -> list[Finding]:
        turn = Disturbed(trial)
        lap = laps.once(turn)
        if turn.findings is None or lap.was_ended or lap.skipped:
            raise NotTried(lap)
        leaks = [trial.finding_of(leak) for leak in lap.leaks if trial.watch.stall is None]
        others = [] if lap.leaks or not lap.failed else [_finding_of(lap, trial)]
        return [*turn.findings, *leaks, *others]

    return drive


def _finding_of(lap: Lap, trial: Trial) -> Finding:
    """
    Return what is to be said of a lap that failed in its fixtures.
    """
    point = trial.zone.point
    return Finding(Verdict.WRONG_EXCEPTION, lap.what_failed(), point.place if point is not None else None, point)
