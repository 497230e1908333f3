"""
A function that is cancelled, or failed, at each of its points in turn.

The function is run once to see that it ends well, and then once more for each point, until a run ends before its point. What a
point is, and what is wrong with a run, is in the other files of this name.

Law: equal functions get equal reports.
"""

from __future__ import annotations

import math
import random
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

import attrs
import trio

from .. import _trio_check
from .._names import name_of
from ..leaks import Rule, frozen_heap
from ..leaks._taps import held_taps
from ..leaks._watch import unwatched
from ._everywhere_cancel import CancelZone
from ._everywhere_fault import FaultZone
from ._everywhere_parts import Sight
from ._everywhere_report import Everywhere, Finding, Point, Verdict
from ._everywhere_trial import Rules, Trial
from ._everywhere_watch import Waits
from ._everywhere_zone import Zone

T = TypeVar("T")


class InjectedFault(Exception):
    """
    What a wait raises when it is failed on purpose.
    """


def cancel_everywhere(
    fn: Callable[[], Awaitable[T]],
    *,
    check: Callable[[T | None], object] | None = None,
    allow: type[BaseException] | tuple[type[BaseException], ...] = (),
    accept: Iterable[Verdict | str] = (),
    ignore: Iterable[Rule] = (),
    patience: float = 60.0,
    at: int | None = None,
    schedules: int | tuple[int, ...] = 1,
    max_points: int = 2000,
    max_steps: int = 100_000,
) -> Everywhere:
    """
    Run a function again and again, and cancel it at another point each time.

    A point is every moment at which some task of the function has just run or is about to. The whole function is cancelled
    there, as by a `trio.CancelScope` around it, and it has to end soon, with nothing but `trio.Cancelled`, and leave nothing
    behind.

    Time is virtual, tasks run in the order in which they were started, and `random` starts from the same seed in each run. So a
    point is the same in every run, as long as the function makes its world afresh on each call and needs nothing from outside.
    Fault points behind a real socket, thread or process are as repeatable as those are.

    Not to be called inside of `trio.run`.

    Args:
        fn: An async function without arguments that ends by itself.
        check: Called after each run with what *fn* returned, or None if it did not, and raises if something is not as it
            should be.
        allow: Errors that may come out as well.
        accept: Verdicts to leave out, as in ``["child swallowed"]``.
        ignore: What may be left behind, as with `trio_run.leaks.leak_check`.
        patience: So many seconds of virtual time after it was cancelled the function has to be over.
        at: Try this point only, by the number that the report shows.
        schedules: In how many orders tasks that can run at the same moment do so: first in that in which they were started,
            then in others at random. Or, as a tuple, which of these, by the numbers that the report shows.
        max_points: At most so many are tried.
        max_steps: A run with more steps than this is taken to never end.

    Returns:
        The report; its ``findings`` are empty if all went well.

    Raises:
        BaseException: What *fn* raised when nothing was done to it.
        RuntimeError: It was called inside of `trio.run`, or this trio is not one whose insides are known.
        TypeError: A rule of *ignore* is none.
        ValueError: A number is out of range, *accept* names no verdict, or there is no point *at*.
    """
    accepted = verdicts_from(accept)
    rules = rules_from(check, allow, None if Verdict.LEAK in accepted else tuple(ignore), patience, max_steps)
    return _tried(fn, rules, CancelZone, accepted, max_points).run(at, schedules)


def fault_everywhere(  # noqa: D417 - most arguments are told once, in `cancel_everywhere`
    fn: Callable[[], Awaitable[T]],
    fault: Callable[[], BaseException] = InjectedFault,
    *,
    tasks: str | None = None,
    times: float = 1,
    check: Callable[[T | None], object] | None = None,
    allow: type[BaseException] | tuple[type[BaseException], ...] = (),
    accept: Iterable[Verdict | str] = (),
    ignore: Iterable[Rule] = (),
    patience: float = 60.0,
    at: int | None = None,
    schedules: int | tuple[int, ...] = 1,
    max_points: int = 2000,
    max_steps: int = 100_000,
) -> Everywhere:
    """
    Run a function again and again, and have another wait fail each time.

    A point is every wait that could be cancelled, and every call of `sometimes`. The wait ends with *fault*, and its operation
    does not take effect; the call answers True. What the function makes of it is its own affair: it may end well, or with the
    fault, or with what was raised ``from`` it, or with errors of tasks that talked to the one which failed
    (`trio.BrokenResourceError`, `trio.EndOfChannel`); but it has to end, and leave nothing behind.

    For a supervisor this is to crash each child at each of its points: ``tasks="shop/db#1"`` does so to the first life of one
    child.

    No wait fails behind a shield that its task put up itself, nor while its task is cancelled, nor where trio could not cancel
    it. How runs are made repeatable is as with `cancel_everywhere`.

    Not to be called inside of `trio.run`.

    Args:
        fn: An async function without arguments that ends by itself.
        fault: Makes the error.
        tasks: Only tasks with such a name, with ``*`` for anything; with or without the name of the module. None for all but
            those that trio_run starts for itself, such as a worker of a pool between two jobs.
        times: How often a wait at the same line fails, in this task or another; `math.inf` for each time, which spends the
            budget of a supervisor.
        patience: So many seconds of virtual time the function may take longer than it does without a fault.

    All other arguments are those of `cancel_everywhere`, as are what is returned and raised.
    """

    def zone(at: int | None) -> FaultZone:
        return FaultZone(at, fault, tasks, times)

    accepted = verdicts_from(accept)
    rules = rules_from(check, allow, None if Verdict.LEAK in accepted else tuple(ignore), patience, max_steps)
    return _tried(fn, rules, zone, accepted, max_points).run(at, schedules)


def _tried(
    fn: Callable[[], Awaitable[object]],
    rules: Rules,
    zone: Callable[[int | None], Zone],
    accepted: frozenset[Verdict],
    max_points: int,
) -> Search:
    def drive(trial: Trial) -> list[Finding]:
        with unwatched():
            return trial.run(fn)

    return Search(name_of(fn), drive, rules, zone, accepted, max_points)


@attrs.define(eq=False)
class Search:
    """
    All trials of one subject.
    """

    subject: str
    drive: Callable[[Trial], list[Finding]]
    """Makes one run, and returns what went wrong."""

    rules: Rules
    zone: Callable[[int | None], Zone]
    accepted: frozenset[Verdict]
    max_points: int
    seed: int | None = None
    """Which points are tried where there are more than *max_points*; None for the first."""

    seconds: float = 0.0
    known: set[Sight] = attrs.field(factory=set[Sight])
    waits: Waits = attrs.field(factory=Waits)
    findings: list[Finding] = attrs.field(factory=list)
    points: list[Point] = attrs.field(factory=list)
    schedule: int = 0
    missed: int = 0
    unreached: int = 0

    def run(self, at: int | None, schedules: int | tuple[int, ...]) -> Everywhere:
        """
        Try all points in all schedules, or those that are asked for.
        """
        _check_outside()
        if isinstance(schedules, int) and schedules < 1:
            raise ValueError(f"schedules is at least 1, not {schedules!r}.")
        _trio_check.check()
        with frozen_heap(), held_taps():
            for self.schedule in range(schedules) if isinstance(schedules, int) else schedules:
                self._try_all(at)
        found = tuple(self.findings), tuple(self.points)
        return Everywhere(self.subject, *found, self.unreached, self.missed)

    def _try_all(self, at: int | None) -> None:
        total = self._try(None).count
        if {each.verdict for each in self.findings} & {Verdict.HANG, Verdict.LIVELOCK}:
            return  # It does not end by itself, so there is nothing to be learnt from its points.
        if at is not None and not 0 <= at < total:
            raise ValueError(f"{self.subject} has {total} points, so there is none with the number {at}.")
        for number in self._chosen(total) if at is None else (at,):
            zone = self._try(number)
            self.missed += zone.point is None and not zone.refused
        if at is None:
            self.unreached += max(0, total - self.max_points)

    def _chosen(self, total: int) -> Iterable[int]:
        if self.seed is None or total <= self.max_points:
            return range(min(total, self.max_points))
        return sorted(random.Random(self.seed).sample(range(total), self.max_points))  # noqa: S311 - no secret

    def _try(self, at: int | None) -> Zone:
        trial = Trial(self.zone(at), self.rules, self.schedule, self.seconds, self.known, self.waits)
        findings = self.drive(trial)
        if at is None:
            self.seconds = trial.seconds
        zone = trial.zone
        if zone.point is not None:
            self.points.append(zone.point)
        if at is None or zone.point is not None:
            known = {(each.verdict, each.place) for each in self.findings if each.point is None}
            new = (each for each in findings if (each.verdict, each.place) not in known)
            self.findings += [each for each in new if each.verdict not in self.accepted]
        return zone


def rules_from(
    check: Callable[..., object] | None,
    allow: type[BaseException] | tuple[type[BaseException], ...],
    leaks: tuple[Rule, ...] | None,
    patience: float,
    max_steps: int,
) -> Rules:
    """
    Return what holds for all trials, as a caller gave it.

    Raises:
        ValueError: A number is out of range.
    """
    if not 0 <= patience < math.inf:
        raise ValueError(f"patience is a number of seconds from 0, and finite, not {patience!r}.")
    if max_steps < 1:
        raise ValueError(f"max_steps is at least 1, not {max_steps!r}.")
    allow = allow if isinstance(allow, tuple) else (allow,)
    return Rules(check=check, allow=allow, leaks=leaks, patience=patience, max_steps=max_steps)


def verdicts_from(accept: Iterable[Verdict | str]) -> frozenset[Verdict]:
    """
    Return the verdicts that a caller named.

    Raises:
        ValueError: One is none.
    """
    return frozenset(Verdict(each) for each in ([accept] if isinstance(accept, str) else accept))


def _check_outside() -> None:
    try:
        trio.lowlevel.current_root_task()
    except RuntimeError:
        return
    raise RuntimeError(
        "This makes runs of its own, and so cannot be called inside of trio.run: call it from a test that is not async."
    )
