"""
Virtual time for the engine that uses no private name of trio, by the rule of `QuietClock` as far as that can be told without.

Time moves when nothing can run, and when nothing ever will the run is ended. Whether something may still happen from outside (I/O,
a thread) is asked of trio, which does not know of child processes.

Law: a deadlock is reported at once, and only if nothing could end it.
"""

from __future__ import annotations

import math

import attrs
import trio
from trio.testing import MockClock, active_thread_count

from ..stacks import task_dump
from ._clock import Deadlock
from ._explore_course import Course
from ._outside import waits_for_io

AN_HOUR = 3600.0
"""
Trio is about to wait for longer than this, in seconds, only if it has nothing to do.
"""

SECONDS_FOR_IO = 0.01
"""
How long, in real seconds, I/O that is under way may be quiet before virtual time goes on.
"""


@attrs.define(eq=False)
class Idle(trio.abc.Instrument):
    """
    Moves the clock of one run.
    """

    course: Course
    clock: MockClock

    def before_io_wait(self, timeout: float) -> None:
        """
        Move time on, or end the run, if nothing can run.
        """
        if timeout < AN_HOUR or _threads_at_work():
            return
        now = trio.lowlevel.current_statistics()
        if now.tasks_runnable or now.run_sync_soon_queue_size:
            return
        clock, seconds = self.clock, now.seconds_to_next_deadline
        if waits_for_io(now):
            if seconds < math.inf:
                clock.autojump_threshold = SECONDS_FOR_IO
                trio.lowlevel.current_trio_token().run_sync_soon(_nothing)
        elif seconds < math.inf:
            clock.jump(max(seconds, 0.0))
            trio.lowlevel.current_trio_token().run_sync_soon(_nothing)
        else:
            self.course.end(Deadlock(task_dump()))

    def after_io_wait(self, timeout: float) -> None:
        """
        Have time stand still again.
        """
        if timeout == SECONDS_FOR_IO:
            self.clock.autojump_threshold = math.inf


def _threads_at_work() -> bool:
    return active_thread_count() > 0


def _nothing() -> None:
    """
    Wake the loop.
    """
