"""
A clock for tests: virtual time that moves only when nothing can run.

`trio.testing.MockClock` with a threshold for jumps jumps past a timeout while an answer is on its way through a socket, a
thread or a child process, and on a deadlock it spins. Here who is at work outside of the loop is asked first (`_outside`), and
when nobody is and no timer is set, that is a deadlock. The rule is that of Go's ``testing/synctest``.

Laws: time never moves while something can run. While somebody outside is at work, time passes as on the wall and not faster. A
deadlock is reported at once, with the stack of every task, and ends the run.
"""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable
from itertools import filterfalse
from typing import Final, final

import attrs
import trio

from .. import _trio_check, _trio_compat
from .._tasks import all_tasks
from ..errors import TrioRunError
from ..stacks import TaskDump, task_dump
from ._outside import Outside

LOOK_AGAIN: Final = 0.01
"""
Seconds on the wall after which it is asked again whether somebody outside is still at work.
"""

FOREVER: Final = 999_999_999.0
"""
Seconds to sleep until something happens.
"""


_check: Final = functools.cache(_trio_check.check)


class Deadlock(TrioRunError, AssertionError):
    """
    Every task waits, and no timer, thread, process or connection is there to wake one, or one that `explore` waited for in vain.

    Attributes:
        dump: Where each task stood.
        outside: Who was waited for in vain; empty if nobody was there.
    """

    def __init__(self, dump: TaskDump, outside: str = "") -> None:
        self.dump: TaskDump = dump
        self.outside: str = outside
        super().__init__(dump, outside)

    def __repr__(self) -> str:
        return f"<Deadlock of {len(self.dump.tasks)} tasks at {self.dump.time:.3f} s>"

    def __str__(self) -> str:
        nobody = "and nothing is there to wake one: no timer, thread, child process or connection"
        in_vain = f"no timer is set, and who is at work outside ({self.outside}) has woken none for seconds"
        return (
            f"Every task waits, {in_vain if self.outside else nobody}.\n"
            f"Give what they wait for, or a deadline to who waits.\n{self.dump}"
        )


class LetGo(BaseException):
    """
    Thrown into each wait that withstands the end of a run that is in a deadlock.
    """


@final
@attrs.define(eq=False)
class QuietClock(trio.abc.Clock):
    """
    Virtual time that moves only when nothing can run: ``trio.run(main, clock=QuietClock())``.

    When every task waits and nobody outside of the loop is at work, time jumps to the next deadline. When there is no deadline
    either, `Deadlock` is raised in the main task, out of whatever it waits for, shielded or not, so that the run ends as it does
    on Ctrl-C. While every task waits and a thread, a child process or a connection to another process is at work, time passes
    as on the wall. In guest mode the host counts as somebody at work. A program that is never idle sees no time pass at all.

    Starts at 0. One clock is for one run at a time; if it is used again it goes on from where it was. It works with
    `trio.testing.wait_all_tasks_blocked`, which goes first. For trio's thread only.

    Raises:
        RuntimeError: This trio is not built as the clock takes it to be.
    """

    keeper: Callable[[float], bool] | None = attrs.field(default=None, init=False)
    """For the other tools: is asked when time is about to move, with the next deadline, and says whether it saw to it itself."""

    is_tired: Callable[[float, str], bool] | None = attrs.field(default=None, init=False)
    """For the other tools: says whether nobody waits for those outside any longer, given the next deadline and who they are."""

    _now: float = attrs.field(default=0.0, init=False)
    _asleep: tuple[float, float] | None = attrs.field(default=None, init=False)
    """While the loop waits for somebody outside: since when on the wall, and until which deadline."""
    _awakening: _Awakening | None = attrs.field(default=None, init=False)
    """Added to the run when somebody outside is at work for the first time, since few runs need it."""
    _deadlocks: int = attrs.field(default=0, init=False)
    _outside: Outside | None = attrs.field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        _check()

    def __repr__(self) -> str:
        return f"<QuietClock, time={self._now:.7f}>"

    def start_clock(self) -> None:
        """
        Called by trio when a run begins.
        """
        self._outside = Outside.now()
        self._asleep, self._awakening, self._deadlocks = None, None, 0

    def current_time(self) -> float:
        """
        Return the virtual time, in seconds.
        """
        return self._now

    def jump(self, seconds: float) -> None:
        """
        Let *seconds* pass at once.

        Raises:
            ValueError: Time does not go backwards.
        """
        if not seconds >= 0:
            raise ValueError(f"Time cannot jump by {seconds!r} seconds: it only goes forward.")
        self._now += seconds

    def deadline_to_sleep_time(self, deadline: float) -> float:
        """
        Called by trio when no task can run, with the next *deadline*: decide whether time moves.

        Returns:
            For how many seconds on the wall the loop may sleep.
        """
        outside = self._outside
        left = deadline - self._now
        if left <= 0:
            return 0
        if outside is None or _trio_compat.someone_waits_for_idle():
            return FOREVER
        # First who is at work, then what they left: who ended their work before the first question is seen by the second.
        who = outside.at_work()
        if who and not (self.is_tired is not None and self.is_tired(deadline, who)):
            return self._fall_asleep(deadline)
        if _trio_compat.io_is_ready():
            return FOREVER
        if self.keeper is not None and self.keeper(deadline):
            return 0
        if deadline == math.inf:
            self._end(who)
        else:
            self._now = deadline
        return 0

    def _fall_asleep(self, deadline: float) -> float:
        """
        Have time pass as on the wall until the loop goes on, and return for how long it may sleep.
        """
        if self._awakening is None:
            self._awakening = _Awakening(self)
            trio.lowlevel.add_instrument(self._awakening)
        self._asleep = time.perf_counter(), deadline
        return min(deadline - self._now, LOOK_AGAIN)

    def wake_up(self) -> None:
        """
        Add what passed on the wall while the loop waited for somebody outside. Called each time it may have waited.
        """
        if self._asleep is not None:
            since, deadline = self._asleep
            self._now = min(self._now + time.perf_counter() - since, deadline)
            self._asleep = None

    def _end(self, outside: str) -> None:
        """
        End a run that is in a deadlock: politely, then with force, then by breaking the loop.
        """
        self._deadlocks += 1
        error = Deadlock(task_dump(), outside)
        main = _trio_compat.main_task()
        if self._deadlocks > 2:
            raise error
        if self._deadlocks == 1 and main is not None:
            _trio_compat.interrupt(main, error)
            return
        for task in filterfalse(_trio_compat.is_trios_own, tuple(all_tasks())):
            _trio_compat.interrupt(
                task, LetGo("The run is in a deadlock, and this task did not end when it was cancelled.")
            )


@attrs.frozen(eq=False)
class _Awakening(trio.abc.Instrument):
    """
    Tells a clock when the loop is done with waiting, so that what tasks do is not taken for time that passed.
    """

    clock: QuietClock

    def after_io_wait(self, timeout: float) -> None:  # noqa: ARG002
        """
        Called by trio.
        """
        self.clock.wake_up()
