"""
One run, with something done to it at one point, and what is to be said of it.

The run is put in order: tasks run in the order in which they were born, or in one drawn for it, time is virtual, and `random`
starts from the same seed. So the points of one trial are those of the next. Which points are tried is for `_everywhere`.

Law: whatever goes wrong before the point is reached has nothing to do with it, and is raised as it is.
"""

from __future__ import annotations

import contextlib
import functools
import random
from collections.abc import Awaitable, Callable, Generator, Iterator
from typing import Any, Final, cast

import attrs
import outcome
import trio

from .. import _trio_compat
from .._said import leaves
from .._sometimes import drive_sometimes
from .._step import put_around
from ..leaks import Ignore, Kind, Leak, LeakError, Rule, leak_check
from ._everywhere_cancel import CancelZone
from ._everywhere_fault import FaultZone
from ._everywhere_parts import Ended, Sight, sight_of
from ._everywhere_places import Place, blamed, place_of_error
from ._everywhere_probe import RunGivenUp
from ._everywhere_report import Finding, Verdict
from ._everywhere_watch import Waits, Watch
from ._everywhere_zone import Zone

_OTHER_END_IS_GONE: Final = (trio.BrokenResourceError, trio.EndOfChannel)
"""
What a task raises where the one that it talks to has ended with the fault.
"""


@attrs.frozen(kw_only=True)
class Rules:
    """
    What holds for all trials of one function.
    """

    check: Callable[[Any], object] | None
    """Raises if something is not as it should be."""

    allow: tuple[type[BaseException], ...]
    """What may come out as well."""

    leaks: tuple[Rule, ...] | None
    """What may be left behind; None for anything."""

    patience: float
    max_steps: int


@attrs.define(eq=False)
class Trial:
    """
    One run of a function.
    """

    zone: Zone
    rules: Rules
    schedule: int = 0
    """In which order tasks run: 0 for that of their birth."""

    seconds: float = 0.0
    """How long the run takes in virtual time; to begin with, how long it took when nothing was done to it."""

    known: set[Sight] = attrs.field(factory=set[Sight])
    """How jobs and children fail when nothing is done to the run; a run in which that is done adds to it."""

    waits: Waits = attrs.field(factory=Waits)
    """How runs waited for those outside."""

    watch: Watch = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.watch = Watch(self.zone, self.rules.patience, self.seconds, self.waits)
        self.zone.most_steps = self.rules.max_steps
        self.zone.schedule = self.schedule

    def run(self, fn: Callable[[], Awaitable[object]]) -> list[Finding]:
        """
        Run *fn*, and return what went wrong.
        """
        return self.run_around(functools.partial(self.zone.run, fn))

    def run_around(self, program: Callable[[], Awaitable[object]], *instruments: trio.abc.Instrument) -> list[Finding]:
        """
        Run *program*, which has a part of it run by the zone, and return what went wrong.
        """
        if self.rules.leaks is None:
            return self._findings_of(self._run(program, *instruments))
        disturbed = (
            [Ignore(kind=Kind.CHANNEL)] if self.zone.at is not None else []
        )  # Then nobody is left who waits on it.
        check, findings = leak_check(ignore=[*self.rules.leaks, *disturbed]), list[Finding]()
        with contextlib.suppress(LeakError), check:
            findings = self._findings_of(self._run(program, check, *instruments))
        return findings + [self.finding_of(leak) for leak in check.leaks if not self._was_broken_off]

    @property
    def _was_broken_off(self) -> bool:
        """
        Whether tasks were given up where they stood, so that it says nothing what they left.
        """
        return self.watch.stall is not None or bool(self.zone.unending)

    def _findings_of(self, result: outcome.Outcome[None]) -> list[Finding]:
        zone = self.zone
        if zone.broken is not None:
            raise zone.broken
        if isinstance(result, outcome.Error) and self._is_unprovoked(result.error):
            raise result.error
        if zone.at is None:
            self.known |= zone.parts.failed
        findings = list(self._findings(result))
        if isinstance(result, outcome.Error):
            _forget_frames(result.error)
        for each in zone.endings:
            if each.error is not None:
                _forget_frames(each.error)
        return findings

    def _run(
        self, program: Callable[[], Awaitable[object]], *instruments: trio.abc.Instrument
    ) -> outcome.Outcome[None]:
        async def main() -> None:
            try:
                await program()
            finally:
                self.seconds = trio.current_time()

        zone, state = self.zone, random.getstate()
        random.seed(0)
        try:
            with _trio_compat.batches_shuffled_by(_Order(self.schedule)), _driven(zone):
                clock, watchers = self.watch.clock, [zone, *instruments]
                return outcome.capture(lambda: trio.run(main, clock=clock, instruments=watchers))
        finally:
            random.setstate(state)

    def _is_unprovoked(self, error: BaseException) -> bool:
        if isinstance(error, KeyboardInterrupt):
            return True
        return self.zone.point is None and self.watch.stall is None and any(self._unexpected(error))

    # Verdicts.

    def _findings(self, result: outcome.Outcome[None]) -> Iterator[Finding]:
        zone, stall = self.zone, self.watch.stall
        if stall is not None:
            yield Finding(stall.verdict, stall.text, stall.place, zone.point)
            return
        if zone.unending:
            for text, place in zone.unending:
                yield Finding(Verdict.LIVELOCK, text, place, zone.point)
            return
        if isinstance(result, outcome.Error):
            yield from self._wrong_exceptions(result.error)
        if isinstance(zone, CancelZone):
            yield from self._swallowed(zone)
        yield from self._broken_invariant()

    def _wrong_exceptions(self, error: BaseException) -> Iterator[Finding]:
        point = self.zone.point
        place = point.place if point is not None else None
        for exc in self._unexpected(error):
            verdict = Verdict.CRASH if isinstance(exc, trio.TrioInternalError) else Verdict.WRONG_EXCEPTION
            yield Finding(verdict, f"{type(exc).__name__}: {exc}", place_of_error(exc) or place, point)

    def _unexpected(self, error: BaseException) -> Iterator[BaseException]:
        """
        Yield the errors in *error* that nobody put in or allowed, and that do not follow from what was put in.
        """
        fault = self.zone.fault if isinstance(self.zone, FaultZone) else None
        if isinstance(error, (*self.rules.allow, RunGivenUp)):
            return
        if isinstance(error, BaseExceptionGroup):
            for exc in cast("BaseExceptionGroup[BaseException]", error).exceptions:
                yield from self._unexpected(exc)
        elif (fault is None or not _follows_from(error, fault)) and sight_of(error) not in self.known:
            yield error

    def _swallowed(self, zone: CancelZone) -> Iterator[Finding]:
        told = set[tuple[str, Place | None]]()
        for ended in zone.endings:
            who = ended.task, ended.heard_at[0]
            if ended.error is None and who not in told:
                told.add(who)  # A task is told of once, also where it does several calls.
                verdict = Verdict.SWALLOWED if ended.is_root else Verdict.CHILD_SWALLOWED
                text, place = _swallowed(ended)
                yield Finding(verdict, text, place, zone.point)

    def finding_of(self, leak: Leak) -> Finding:
        """
        Return what is to be said of something that the run left behind.
        """
        point = self.zone.point
        place = point.place if point is not None else None
        if leak.made or leak.stands:
            place = blamed(leak.made or leak.stands)
        return Finding(Verdict.LEAK, str(leak), place, point)

    def _broken_invariant(self) -> Iterator[Finding]:
        if self.rules.check is None:
            return
        point = self.zone.point
        try:
            self.rules.check(self.zone.result)
        except Exception as exc:  # noqa: BLE001 - whatever the check of a caller raises
            place = place_of_error(exc) or (point.place if point is not None else None)
            yield Finding(Verdict.INVARIANT, f"{type(exc).__name__}: {exc}", place, point)


def _follows_from(error: BaseException, fault: BaseException) -> bool:
    """
    Tell whether *error* is the fault, or was raised from it, or says that the other end is gone, which may have gone with it; but
    not if it was raised in place of the fault.
    """
    if _comes_of(error, type(fault)):
        return True
    before: BaseException | None = error
    while before is not None:
        if fault in leaves(before):
            return False
        before = before.__context__
    return isinstance(error, _OTHER_END_IS_GONE)


def _comes_of(error: BaseException | None, fault: type[BaseException]) -> bool:
    """
    Tell whether *error* is the fault, or was raised from it: who says so has seen it.
    """
    while error is not None:
        if any(isinstance(each, fault) for each in leaves(error)):
            return True
        error = error.__cause__
    return False


def _swallowed(ended: Ended) -> tuple[str, Place | None]:
    first, *others = ended.heard_at
    text = f"{ended.task} was cancelled here, and returned"
    if others:
        text += f" after it was cancelled {len(others)} more times, last at {others[-1]}"
    return text, first


def _forget_frames(error: BaseException) -> None:
    """
    Drop the frames that an error holds on to, and with them all that was open there.
    """
    todo: list[BaseException | None] = [error]
    seen: set[int] = set()
    while todo:
        exc = todo.pop()
        if exc is None or id(exc) in seen:
            continue
        seen.add(id(exc))
        exc.__traceback__ = None
        todo += [exc.__cause__, exc.__context__]
        if isinstance(exc, BaseExceptionGroup):
            todo += cast("BaseExceptionGroup[BaseException]", exc).exceptions


@contextlib.contextmanager
def _driven(zone: Zone) -> Generator[None]:
    with put_around(zone.parts.add), contextlib.ExitStack() as stack:
        if isinstance(zone, FaultZone):
            stack.enter_context(drive_sometimes(zone.sometimes))
        yield


class _Order(random.Random):
    """
    Takes the place of trio's generator, and decides in which order the tasks of a batch run.
    """

    def __init__(self, schedule: int) -> None:
        super().__init__(schedule)
        self._schedule = schedule

    def shuffle(self, x: Any) -> None:  # noqa: ANN401 - as in random.Random
        """
        Put a batch in order, the last first: trio takes tasks from the end.
        """
        if self._schedule:
            super().shuffle(x)
        else:
            x.reverse()
