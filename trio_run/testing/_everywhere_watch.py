"""
Virtual time for a run that is tried, and the end of a run that would not end.

Time moves when nothing can run. When nothing ever will, or too much of it went by, or too many steps were made, that is noted
and the run is wound up: each wait is ended with an error, so that clean-up runs, and where that does not help tasks are given
up where they stand.

Laws: every run ends. A run is hung only if nothing could end it, or not within the patience of the caller.
"""

from __future__ import annotations

import math

import attrs
import trio
from trio.testing import MockClock

from ._everywhere_places import Place
from ._everywhere_probe import Probe
from ._everywhere_report import Verdict
from ._everywhere_zone import Zone, guarded

AN_HOUR = 3600.0
"""
Trio is about to wait for longer than this, in seconds, only if it has nothing to do.
"""

SECONDS_FOR_IO = 0.01
"""
How long, in real seconds, I/O that is under way may be quiet before virtual time goes on.
"""

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


class Watch(trio.abc.Instrument):
    """
    The clock of one run, and who ends it.
    """

    def __init__(self, zone: Zone, patience: float, seconds: float) -> None:
        self.clock = MockClock(autojump_threshold=math.inf)
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

    @guarded
    def before_io_wait(self, timeout: float) -> None:
        """
        Move time on, or wind the run up, if nothing can run.
        """
        if timeout < AN_HOUR or trio.testing.active_thread_count():
            return
        now = trio.lowlevel.current_statistics()
        if now.tasks_runnable or now.run_sync_soon_queue_size:
            return
        seconds = now.seconds_to_next_deadline
        if _waits_for_io(now):
            if seconds < math.inf:
                self.clock.autojump_threshold = SECONDS_FOR_IO
                self._wake()
        elif self._rounds or seconds == math.inf:
            self._wind_up(Verdict.HANG, "nothing can wake what is left")
        elif trio.current_time() + seconds > self.last_moment:
            self._wind_up(Verdict.HANG, f"still there after {self._patience:g} s, waiting for a timer")
        else:
            self.clock.jump(max(seconds, 0.0))
            self._wake()

    @guarded
    def after_io_wait(self, timeout: float) -> None:
        """
        Have time stand still again.
        """
        if timeout == SECONDS_FOR_IO:
            self.clock.autojump_threshold = math.inf

    def _wake(self) -> None:
        trio.lowlevel.current_trio_token().run_sync_soon(_nothing)

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
        self._wake()

    def _note(self, verdict: Verdict, text: str) -> None:
        if self.stall is None:
            waiting = [probe for probe in self._zone.live.values() if not _joins(probe)]
            who = ", ".join(f"{probe.name} at {probe.place}" for probe in waiting)
            self.stall = Stall(verdict, f"{text}: {who}" if who else text, waiting[0].place if waiting else None)

    def break_off(self, exc: Exception) -> None:
        """
        Give the run up because of a mistake made here.
        """
        self._zone.break_off(exc)


def _joins(probe: Probe) -> bool:
    """
    Tell whether the task waits for others of its own, so that those are to blame.
    """
    return any(nursery.child_tasks for nursery in probe.task.child_nurseries)


def _waits_for_io(now: trio.lowlevel.RunStatistics) -> bool:
    """
    Tell whether somebody waits for I/O, besides trio itself, which waits for other threads to wake it.
    """
    counts = attrs.asdict(now.io_statistics)
    return sum(int(count) for name, count in counts.items() if name.startswith("tasks_waiting")) > 1


def _nothing() -> None:
    """
    Wake the loop.
    """
