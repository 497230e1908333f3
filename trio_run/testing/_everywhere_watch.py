"""
Virtual time for a run that is tried, and the end of a run that would not end.

Time moves as `QuietClock` has it. When nothing ever will run, or too much of it went by, or too many steps were made, that is noted
and the run is wound up: each wait is ended with an error, so that clean-up runs, and where that does not help tasks are given
up where they stand.

While somebody outside is at work, such as a thread or a child process, time passes as on the wall, and nobody has the patience to
see 60 seconds of that go by at each point. Without a timer to end the wait a run gets some seconds more than such a wait ever took
when nothing was done to it.

Laws: every run ends. A run is hung only if nothing could end it, or not within the patience of the caller, or if those outside keep
it waiting as they never do otherwise.
"""

from __future__ import annotations

import math
import re
import time

import attrs
import trio

from ._clock import QuietClock
from ._everywhere_places import Place, is_of_a_user, is_trio_runs_own
from ._everywhere_report import Verdict
from ._everywhere_zone import Zone, joins

ROUNDS = 20
"""
How often waits are ended with an error before the tasks are given up.
"""


ON_THE_WALL = 3.0
"""
For how many seconds those outside are waited for, beyond what is usual, if no timer ends the wait.
"""

AGAIN = 0.3
"""
For how many where it was in vain before.
"""

STEPS_TO_END = 1000
"""
How many steps a run may take to end once it made too many.
"""


@attrs.frozen
class Stall:
    """
    Why a run had to be wound up.
    """

    verdict: Verdict
    text: str
    place: Place | None


@attrs.define(eq=False)
class Waits:
    """
    How runs of one function waited for those outside.
    """

    longest: float = 0.0
    """Seconds without a step when nothing was done to the run."""

    in_vain: set[Place | None] = attrs.field(factory=set["Place | None"])
    """Where a run stood when it was ended for it."""


class Watch:
    """
    The clock of one run, and who ends it.
    """

    def __init__(self, zone: Zone, patience: float, seconds: float, waits: Waits) -> None:
        self.clock = QuietClock()
        self.clock.keeper = self._keeps
        self.clock.is_tired = self._is_tired
        self.stall: Stall | None = None
        self._zone = zone
        self._patience = patience
        self._seconds = seconds  # How long the run takes when nothing is done to it.
        self._rounds = 0
        self._waits = waits
        self._waiting = 0, 0.0  # After how many steps those outside are waited for, and since when on the wall.
        self._tired_of = ""
        zone.too_many_steps = self._too_many_steps

    @property
    def last_moment(self) -> float:
        """
        When patience ends, in virtual seconds.
        """
        zone = self._zone
        if zone.point is None:
            return math.inf
        return self._patience + (zone.fired_at if zone.scope.cancel_called else max(zone.fired_at, self._seconds))

    # Time.

    def _is_tired(self, deadline: float, who: str) -> bool:
        """
        Tell whether *who* is outside was waited for long enough: without a step, and without a timer that ends the wait in time.
        """
        if self._rounds:
            return True
        now, zone, waits = time.perf_counter(), self._zone, self._waits
        if self._waiting[0] != zone.steps:
            self._waiting = zone.steps, now
        waited = now - self._waiting[1]
        if zone.point is None:
            if deadline == math.inf:
                waits.longest = max(waits.longest, waited)
            return False
        if deadline <= self.last_moment or waited <= waits.longest + AGAIN:
            return False
        place = self._who_waits()[1]
        if place not in waits.in_vain and waited <= waits.longest + min(self._patience, ON_THE_WALL):
            return False
        waits.in_vain.add(place)
        # Without numbers, since findings at one place are told as one if their texts are equal.
        self._tired_of = f"still there after some seconds on the wall, waiting for {re.sub('[0-9]+ | [0-9]+', '', who)}"
        return True

    def _keeps(self, deadline: float) -> bool:
        """
        Wind the run up if nothing else can happen in it, or not in time; otherwise time may move.
        """
        if self._rounds > ROUNDS:
            return False  # Whoever is left does not belong to the zone, so the clock ends the run.
        try:
            if self._tired_of:
                self._wind_up(Verdict.HANG, self._tired_of)
            elif self._rounds or deadline == math.inf:
                self._wind_up(Verdict.HANG, "nothing can wake what is left")
            elif deadline > self.last_moment:
                self._wind_up(Verdict.HANG, f"still there after {self._patience:g} s, waiting for a timer")
            else:
                return False
        except Exception as exc:  # noqa: BLE001 - raised by the trial; to trio it would be a mistake of its own
            self._rounds += 1
            self._zone.break_off(exc)
        return True

    # The end.

    def _too_many_steps(self) -> None:
        zone = self._zone
        self._note(Verdict.LIVELOCK, f"no end after {zone.most_steps} steps")
        self._rounds += 1
        zone.given_up = self._rounds > 2
        zone.most_steps = zone.steps + STEPS_TO_END
        trio.lowlevel.current_trio_token().run_sync_soon(zone.end_waits)

    def _wind_up(self, verdict: Verdict, text: str) -> None:
        self._note(verdict, text)
        self._rounds += 1
        if self._rounds > ROUNDS:
            self._zone.given_up = True
        self._zone.end_waits()

    def _note(self, verdict: Verdict, text: str) -> None:
        if self.stall is None:
            who, place = self._who_waits()
            self.stall = Stall(verdict, f"{text}: {who}" if who else text, place)

    def _who_waits(self) -> tuple[str, Place | None]:
        """
        Return who is to blame if the run does not go on, and the place to show.
        """
        waiting = [probe for probe in self._zone.live.values() if not joins(probe.task)]
        waiting.sort(key=lambda probe: is_trio_runs_own(probe.coro))
        who = ", ".join(f"{probe.name} at {probe.place}" for probe in waiting)
        places = [probe.place for probe in (*waiting, *self._zone.live.values())]
        # Users look for their own first.
        return who, next(filter(is_of_a_user, places), waiting[0].place if waiting else None)
