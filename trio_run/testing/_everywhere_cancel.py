"""
Cancel points: all the moments at which a cancellation could find a run in another state than before.

That is after each step of a task, while it waits, and before each step, when it was woken and its operation will take effect
first. Where nothing ran between two of these they are one.

Law: only the cancellation made here counts, told from all others by its reason.
"""

from __future__ import annotations

import trio

from .._said import leaves
from ._everywhere_probe import Probe
from ._everywhere_report import How
from ._everywhere_zone import Zone, guarded

REASON = "cancelled at a point of its run by trio_run.testing"

MOST_CANCELLATIONS = 200
"""
How often one task may hear that it is cancelled before it is taken to never end.
"""


class CancelZone(Zone):
    """
    A zone that is cancelled as a whole at one point.
    """

    def __init__(self, at: int | None) -> None:
        super().__init__(at)
        self._stepping: Probe | None = None
        self._something_ran = True
        self._rescheduled = False
        self._watching: Probe | None = None

    def opened(self) -> None:
        """
        Offer the point before the first step.
        """
        if self.root is not None:
            self._stepping = self.root
            self._offer(How.START, self.root)

    # Points.

    @guarded
    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        """
        Offer the point at which the task was woken and is cancelled as well.
        """
        probe = self._stepping = self.live.get(task) if self.is_open else None
        if probe is None:
            self._something_ran = True
            return
        rested, probe.rested = probe.rested, False
        if self._something_ran and not rested:
            self._offer(How.PENDING, probe)
        self._rescheduled = False

    @guarded
    def task_scheduled(self, task: trio.lowlevel.Task) -> None:
        """
        Note whether a task that gives others their turn wants to go on at once.
        """
        if self._stepping is not None and task is self._stepping.task:
            self._rescheduled = True

    @guarded
    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        """
        Offer the point at which the task waits.
        """
        probe, self._stepping = self._stepping, None
        if probe is None or not self.is_open:
            return
        probe.rested = self._rescheduled
        self._something_ran = False
        self._offer(How.WAITING if task in self.live else How.EXITED, probe)

    @guarded
    def after_io_wait(self, timeout: float) -> None:
        """
        Note that time may have passed, and I/O may have come.
        """
        del timeout
        self._something_ran = True

    def _offer(self, how: How, probe: Probe) -> None:
        if self.is_next():
            self.fire(how, probe)
            self.scope.cancel(reason=REASON)

    # What becomes of it.

    def heard(self, probe: Probe, exc: BaseException) -> None:
        """
        Note where a task stood when the cancellation reached it.
        """
        # What a part hears it notes itself; but it may have tasks of its own.
        if not _is_ours(exc) and not self.parts.have_started(probe.task, exc):
            return
        probe.heard_at.append(probe.place)
        probe.interruptions += 1
        if probe.interruptions > MOST_CANCELLATIONS:
            text = f"{probe.name} was cancelled {MOST_CANCELLATIONS} times and goes on"
            self.unending.append((text, probe.place))
            probe.give_up()

    def ended(self, probe: Probe, exc: BaseException | None) -> None:
        """
        Note how a task ended; a cancellation that came out of it reaches the task that waits for it.
        """
        super().ended(probe, exc)
        nursery = probe.task.parent_nursery
        parent = self.live.get(nursery.parent_task) if nursery is not None else None
        if parent is None or exc is None or probe is self.root:
            return
        if any(map(_is_ours, leaves(exc))):
            parent.heard_at.append(parent.place)
        for part in self.parts.of(parent.task):
            if self.point is not None and part.is_cancelled_by(exc):
                part.heard_at.append(part.place)


def _is_ours(exc: BaseException) -> bool:
    return isinstance(exc, trio.Cancelled) and exc.reason == REASON
