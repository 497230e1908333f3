"""
Fault points: all the waits of a run that could end with an error, and all calls of `sometimes`.

A wait is ended as a cancellation would end it, so that its operation does not take effect, and raises the fault instead. Waits
that trio could not cancel either are no points, and neither are those behind a shield that the task itself put up: clean-up
stands there. The children of a nursery behind a shield are not behind one of their own.

Law: no fault comes after an operation took effect.
"""

from __future__ import annotations

import functools
import math
import threading
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import NoReturn

import attrs
import outcome
import trio

from .. import _trio_compat
from ._everywhere_places import is_pure_checkpoint, is_trio_runs_own, place_of_caller
from ._everywhere_probe import Probe
from ._everywhere_report import How, Point
from ._everywhere_zone import Zone

MOST_FAULTS = 1000
"""
How often a task may try again what failed, without a turn for anybody else, before it is taken to never end.
"""


class FaultZone(Zone):
    """
    A zone in which one wait of one task fails.
    """

    def __init__(self, at: int | None, make: Callable[[], BaseException], tasks: str | None, times: float) -> None:
        super().__init__(at)
        self._times = times
        self.fault: BaseException | None = None  # The one that was raised.
        self._make = make
        self._tasks = tasks
        self._in_a_row = 0  # How many waits failed in this step.

    def stepped(self) -> None:
        """
        Count the steps.
        """
        super().stepped()
        self._in_a_row = 0

    def screened(self, probe: Probe) -> outcome.Error | None:
        """
        End the wait of a task with the fault, if it is the one to try.
        """
        abort = _trio_compat.abort_of(probe.message)
        if not self._is_point(probe, abort) or not (self.is_next() or self._is_again(probe)):
            return None
        fault, point = self._make(), Point(self.count - 1, How.FAULT, probe.name, probe.place, "", self.schedule)
        if abort is not None:
            stand_in = _StandIn(functools.partial(self._note, point, fault), fault)
            if abort(stand_in.raise_cancel) is not trio.lowlevel.Abort.SUCCEEDED:
                probe.message = _trio_compat.with_abort(probe.message, stand_in.abort)  # It was asked, and once is all.
                self.refused = self.fault is not fault  # A nursery waits on, and raises it when its tasks are gone.
                return None
            probe.task.custom_sleep_data = None
        self._note(point, fault)
        self._in_a_row += 1
        if self._in_a_row > MOST_FAULTS:
            text = f"{probe.name} tried again {MOST_FAULTS} times at once, failed each time, and goes on"
            self.unending.append((text, probe.place))
            probe.give_up()
        return outcome.Error(fault)

    def _note(self, point: Point, fault: BaseException) -> None:
        self._times -= 1
        self.fault = fault
        if self.point is None:
            self.point, self.fired_at = point, trio.current_time()

    def _is_again(self, probe: Probe) -> bool:
        """
        Tell whether a task stands where one failed before, and fails there once more.
        """
        return self._times > 0 and self.point is not None and self.point.place == probe.place

    def _is_point(self, probe: Probe, abort: _trio_compat.AbortFunction | None) -> bool:
        if not self.is_open or not self._is_meant(probe):
            return False
        if abort is None and not is_pure_checkpoint(probe.coro):
            return False
        if trio.current_effective_deadline() == -math.inf:  # It is being cancelled, and that comes first.
            return False
        nursery = probe.task.parent_nursery
        within = self.scope if probe is self.root or nursery is None else nursery.cancel_scope
        return not _trio_compat.is_shielded(probe.task, within)

    def _is_meant(self, probe: Probe) -> bool:
        if self._tasks is None:
            return probe.is_inside and not self._is_trio_runs_own(probe)
        names = (probe.task.name, probe.name)
        return probe.is_inside and any(fnmatchcase(name, self._tasks) for name in names)

    def _is_trio_runs_own(self, probe: Probe) -> bool:
        """
        Tell whether a task is one of ours, and at nothing that a user wrote.
        """
        return probe is not self.root and is_trio_runs_own(probe.coro) and not self.parts.of(probe.task)

    def sometimes(self, name: str) -> bool:
        """
        Answer a call of `sometimes`: True if it is the point to try.
        """
        if not self.is_open:
            return False
        try:
            probe = self.live.get(trio.lowlevel.current_task())
        except RuntimeError:
            who = threading.current_thread().name
        else:
            if probe is None or not self._is_meant(probe):
                return False
            who = probe.name
        if not self.is_next():
            return False
        self.point = Point(self.count - 1, How.SOMETIMES, who, place_of_caller(2), name, self.schedule)
        return True


@attrs.define(eq=False)
class _StandIn:
    """
    What a wait is given in place of a cancellation. If it refuses to end it may keep this, and ask again later.
    """

    note: Callable[[], None]
    fault: BaseException
    thread: int = attrs.field(factory=threading.get_ident)
    cancel: Callable[[], NoReturn] | None = None
    """A cancellation that came afterwards."""

    def raise_cancel(self) -> NoReturn:  # type: ignore[misc]  # It does, for a thread.
        """
        Raise what is due; to a thread that asks whether it is cancelled, nothing but that.
        """
        if self.cancel is not None:
            self.cancel()
        if threading.get_ident() == self.thread:
            self.note()
            raise self.fault

    def abort(self, raise_cancel: Callable[[], NoReturn]) -> trio.lowlevel.Abort:
        """
        Keep a cancellation for whoever asks.
        """
        self.cancel = raise_cancel
        return trio.lowlevel.Abort.FAILED
