"""
The stretch of a run that is tried, and its points.

A zone begins with the first step of a function and ends when that returns. It numbers the points at which something could be
done to the run, and does it at one of them. Tasks that are there before, such as those of fixtures, are not touched; tasks
that begin inside belong to the zone. What follows from it all is for the trial.

Laws: without a point to try, a zone changes nothing. Equal runs have equal points. A point is tried once.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from typing import Any, ParamSpec, TypeVar

import outcome
import trio

from .. import _trio_compat
from .._step import coroutine_of
from ._everywhere_parts import Ended, Parts
from ._everywhere_places import Place
from ._everywhere_probe import Probe, RunGivenUp
from ._everywhere_report import How, Point
from ._explore_steps import all_tasks

P = ParamSpec("P")
T = TypeVar("T")


def guarded(hook: Callable[P, None]) -> Callable[P, None]:
    """
    Keep the error of a hook: trio would log it and go on without the instrument.
    """

    @functools.wraps(hook)
    def call(*args: P.args, **kwargs: P.kwargs) -> None:
        zone: Any = args[0]
        try:
            hook(*args, **kwargs)
        except Exception as exc:  # noqa: BLE001 - raised by the trial
            zone.break_off(exc)

    return call


class Zone(trio.abc.Instrument):
    """
    One zone of one run. What is done at a point is for the kinds of zones.
    """

    def __init__(self, at: int | None) -> None:
        self.at = at
        self.count = 0
        self.point: Point | None = None  # The one that was tried.
        self.schedule = 0
        self.refused = False  # Whether it was a wait that cannot be ended.
        self.fired_at = 0.0
        self.scope = trio.CancelScope()
        self.live: dict[trio.lowlevel.Task, Probe] = {}
        self.endings: list[Ended] = []
        self.unending: list[tuple[str, Place | None]] = []  # The tasks that would not end, and where they stood.
        self.steps = 0
        self.root: Probe | None = None
        self.parts = Parts(self)
        self.is_open = self.returned = self.given_up = False
        self.result: object = None
        self.broken: Exception | None = None
        self.too_many_steps: Callable[[], None] = lambda: None
        self.most_steps = 0

    async def run(self, fn: Callable[[], Awaitable[object]]) -> None:
        """
        Run *fn* inside the zone.
        """
        task = trio.lowlevel.current_task()
        with self.scope:
            self.root = self.live[task] = Probe(coroutine_of(fn()), task, self)
            self.is_open = True
            try:
                self.opened()
                self.result = await self.root
                self.returned = True
            finally:
                self.is_open = False
                self.live.pop(task, None)
                if self.root.message is None:
                    self.root.close()  # It may never have begun.

    def opened(self) -> None:
        """
        Note that the function is about to begin.
        """

    def end_waits(self) -> None:
        """
        End each wait as a cancellation would, shielded or not, and with an error; where all of the zone has ended, the
        waits of who is around it.
        """
        for task in tuple(self.live) or tuple(all_tasks()):
            _trio_compat.interrupt(task, RunGivenUp())
            if self.given_up and task in self.live and not joins(task) and not _trio_compat.is_scheduled(task):
                # A thread may keep it for ever; but it takes no further step, and so can be woken by anybody.
                trio.lowlevel.reschedule(task, outcome.Error(RunGivenUp()))

    def break_off(self, exc: Exception) -> None:
        """
        Give the run up because of a mistake in what watches it.
        """
        self.broken = self.broken or exc
        self.given_up = True
        trio.lowlevel.current_trio_token().run_sync_soon(self.end_waits)

    # What trio tells.

    @guarded
    def task_spawned(self, task: trio.lowlevel.Task) -> None:
        """
        Put a probe around each task that begins inside.
        """
        if self.is_open and not _trio_compat.is_trios_own(task):
            probe = Probe(task.coro, task, self)
            probe.is_inside = task.parent_nursery is not None and task.parent_nursery.parent_task in self.live
            _trio_compat.replace_coroutine(task, probe)
            self.live[task] = probe

    @guarded
    def task_exited(self, task: trio.lowlevel.Task) -> None:
        """
        Forget a task.

        Raises:
            RuntimeError: It went by its probe.
        """
        probe = self.live.pop(task, None)
        if probe is not None and not probe.begun:
            raise RuntimeError(f"trio {trio.__version__} does not run the coroutine that a task was given anew.")

    # What the probes tell.

    def stepped(self) -> None:
        """
        Count the steps, so that a run cannot go on for ever.
        """
        self.steps += 1
        if self.steps > self.most_steps:
            self.too_many_steps()

    def heard(self, probe: Probe, exc: BaseException) -> None:
        """
        Note an error that reached a task.
        """

    def screened(self, probe: Probe) -> outcome.Error | None:
        """
        Look at what a task waits for.
        """
        del probe
        return None

    def ended(self, probe: Probe, exc: BaseException | None) -> None:
        """
        Note how a task ended.
        """
        if probe.heard_at:
            self.endings.append(Ended(probe.name, tuple(probe.heard_at), exc, probe is self.root))

    # Points.

    def is_next(self) -> bool:
        """
        Count one point, and tell whether it is the one to try.
        """
        number, self.count = self.count, self.count + 1
        return number == self.at and self.point is None

    def fire(self, how: How, probe: Probe, name: str = "") -> None:
        """
        Note what is done to the run, and where.
        """
        self.point = Point(self.count - 1, how, probe.name, probe.place, name, self.schedule)
        self.fired_at = trio.current_time()


def joins(task: trio.lowlevel.Task) -> bool:
    """
    Tell whether *task* waits for others of its own, so that those are to blame.
    """
    return any(nursery.child_tasks for nursery in task.child_nurseries)
