"""
The kinds of runs of an async test: as it is, on a schedule, or with something done to it at a point.

Pytest-trio asks for its run where it would call `trio.run`; which kind that is stands in the test's stash. A test is run many
times with its fixtures, and how is not known here.

Laws: what is done at a point is done below the test function, not to its fixtures. A run whose clock the test moves itself is
left as it is.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, Final, Protocol

import attrs
import pytest
import trio
from trio.testing import MockClock

from ..testing import Finding, QuietClock
from ..testing._everywhere_trial import Trial
from ..testing._explore_run import Rules, run_once
from ..testing._explore_run import Run as ScheduledRun
from ..testing._explore_steering import Chooser
from ..testing._explore_steps import Record
from ._caps import in_scope
from ._raises import seen_through

Run = Callable[..., object]
Main = Callable[[], Awaitable[object]]
TestFunction = Callable[..., Coroutine[Any, Any, object]]


class Turn(Protocol):
    """
    One time that a test is run.
    """

    @property
    def is_disturbed(self) -> bool:
        """
        Whether something is done to the test that may keep it from closing its channels.
        """
        ...

    def run(
        self, previous: Run, main: Main, clock: trio.abc.Clock | None, instruments: Sequence[trio.abc.Instrument], /
    ) -> object:
        """
        Do what `trio.run` does.
        """
        ...

    def around(self, function: TestFunction) -> TestFunction:
        """
        Return what is run in the place of the test function.
        """
        ...


TURN: Final = pytest.StashKey[Turn]()


@attrs.define(eq=False)
class AsItIs:
    """
    A run like any other.
    """

    is_disturbed: bool = attrs.field(default=False, init=False)

    def run(
        self, previous: Run, main: Main, clock: trio.abc.Clock | None, instruments: Sequence[trio.abc.Instrument], /
    ) -> object:
        """
        Run the test.
        """
        __tracebackhide__ = True
        return previous(main, clock=clock, instruments=instruments)

    def around(self, function: TestFunction) -> TestFunction:
        """
        Return the test function itself.
        """
        return function


@attrs.define(eq=False)
class OnSchedule:
    """
    A run on a schedule.
    """

    chooser: Chooser
    rules: Rules
    trace: list[Record] | None
    came_of_it: ScheduledRun | None = None
    """None if the test was not run on the schedule."""

    is_disturbed: bool = attrs.field(default=False, init=False)

    def run(
        self, previous: Run, main: Main, clock: trio.abc.Clock | None, instruments: Sequence[trio.abc.Instrument], /
    ) -> object:
        """
        Run the test and its fixtures.
        """
        __tracebackhide__ = True
        if moves_by_hand(clock):
            return previous(main, clock=clock, instruments=instruments)
        self.came_of_it = run_once(main, self.chooser, self.rules, self.trace, instruments)
        if self.came_of_it.error is not None:
            raise self.came_of_it.error
        return None

    def around(self, function: TestFunction) -> TestFunction:
        """
        Return the test function itself.
        """
        return function


@attrs.define(eq=False)
class Disturbed:
    """
    A run that is cancelled, or that has a wait fail, at one point.
    """

    trial: Trial
    findings: list[Finding] | None = None
    """None if the test was not tried."""

    @property
    def is_disturbed(self) -> bool:
        """
        Whether there is a point at which something is done.
        """
        return self.trial.zone.at is not None

    def run(
        self, previous: Run, main: Main, clock: trio.abc.Clock | None, instruments: Sequence[trio.abc.Instrument], /
    ) -> object:
        """
        Run the test and its fixtures.
        """
        __tracebackhide__ = True
        if moves_by_hand(clock):
            return previous(main, clock=clock, instruments=instruments)
        with seen_through(self.trial.zone):
            self.findings = self.trial.run_around(main, *instruments)
        return None

    def around(self, function: TestFunction) -> TestFunction:
        """
        Return the test function inside of the zone.
        """

        @functools.wraps(function)
        async def in_zone(**arguments: object) -> None:
            await self.trial.zone.run(functools.partial(function, **arguments))

        return in_zone


def moves_by_hand(clock: trio.abc.Clock | None) -> bool:
    """
    Tell whether another clock cannot take the place of *clock*.
    """
    if isinstance(clock, MockClock):
        return clock.autojump_threshold != 0 or clock.rate != 0
    return not (clock is None or isinstance(clock, QuietClock))


def run_by_turn(
    item: pytest.Item,
    previous: Run,
    main: Main,
    *,
    clock: trio.abc.Clock | None = None,
    instruments: Sequence[trio.abc.Instrument] = (),
) -> object:
    """
    What `trio.run` is to pytest-trio.
    """
    __tracebackhide__ = True
    turn = item.stash.get(TURN, None) or AsItIs()
    return turn.run(previous, in_scope(item, main), clock, instruments)
