"""
Virtual time for a run that is tried, and the end of a run that would not end.

Time moves as `QuietClock` has it. When nothing ever will run, or too much of it went by, or too many steps were made, that is noted
and the run is wound up: each wait is ended with an error, so that clean-up runs, and where that does not help tasks are given
up where they stand.

Laws: every run ends. A run is hung only if nothing could end it, or not within the patience of the caller.
"""

from __future__ import annotations

import math

import attrs
import trio

from ._clock import QuietClock
from ._everywhere_places import Place, is_of_a_user, is_trio_runs_own
from ._everywhere_probe import Probe
from ._everywhere_report import Verdict
from ._everywhere_zone import Zone

ROUNDS = 20
"""
How often waits are ended with an error before the tasks are given up.
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


class Watch:
    """
    The clock of one run, and who ends it.
    """

    def __init__(self, zone: Zone, patience: float, seconds: float) -> None:
        self.clock = QuietClock()
        self.clock.keeper = self._keeps
        self.stall: Stall | None = None
        self._zone = zone
        self._patience = patience
        self._seconds = seconds  # How long the run takes when nothing is done to it.
        self._rounds = 0
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

    def _keeps(self, deadline: float) -> bool:
        """
        Wind the run up if nothing else can happen in it, or not in time; otherwise time may move.
        """
        if self._rounds > ROUNDS:
            return False  # Whoever is left does not belong to the zone, so the clock ends the run.
        try:
            if self._rounds or deadline == math.inf:
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
            waiting = [probe for probe in self._zone.live.values() if not _joins(probe)]
            waiting.sort(key=lambda probe: is_trio_runs_own(probe.coro))
            who = ", ".join(f"{probe.name} at {probe.place}" for probe in waiting)
            places = [probe.place for probe in (*waiting, *self._zone.live.values())]
            # Users look for their own first.
            place = next(filter(is_of_a_user, places), waiting[0].place if waiting else None)
            self.stall = Stall(verdict, f"{text}: {who}" if who else text, place)


def _joins(probe: Probe) -> bool:
    """
    Tell whether the task waits for others of its own, so that those are to blame.
    """
    return any(nursery.child_tasks for nursery in probe.task.child_nurseries)
