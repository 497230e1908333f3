"""
One run under way: what both engines share.

A course knows who goes next, when time passes while tasks are held back, when a run has gone on for too long, and how to end it
then. How a task is held back and let go is for the engine.

Law: a run is ended softly first, by cancelling it, then by an exception in every wait, shielded ones too, and last by stopping
the loop.
"""

from __future__ import annotations

import ctypes
import math
import threading
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Protocol

import attrs
import outcome
import trio

from .._sometimes import drive_sometimes
from ._everywhere_places import place_of_caller
from ._explore_steering import Chooser, Steering
from ._explore_steps import (
    Failure,
    Jump,
    Record,
    Step,
    all_tasks,
    all_tasks_of_the_run,
    is_ours,
    name_of_task,
    site,
    stacks,
)
from ._explore_token import Model

Task = trio.lowlevel.Task

TURNS_TO_UNWIND = 2_000
"""
How many steps a run that is ended may take before it is ended with more force.
"""


ONE_AT_A_TIME = threading.Lock()
"""
Trio has one generator for all threads, and `sometimes` one who decides.
"""


MOST_CALLS_FIRST = 100
"""
How often calls by `TrioToken.run_sync_soon` go first: one that asks to be called again each time must not keep all others out.
"""


FIRST_WAIT, WAIT, WAIT_AGAIN = 30.0, 5.0, 0.5
"""
How many seconds a run is given: the first one, of which nobody knows how long it takes, those after it, and those after one in which
it was in vain.
"""


class Livelock(AssertionError):
    """
    The run goes on and on, though everybody gets their turn.
    """


class Abandoned(BaseException):
    """
    Thrown into what does not end when it is cancelled.
    """


class Time(Protocol):
    """
    A clock that can be moved on.
    """

    def jump(self, seconds: float) -> None:
        """
        Let *seconds* pass at once.
        """
        ...


class Force(Protocol):
    """
    What an engine can do to end a run that does not end when it is cancelled.
    """

    def interrupt(self, task: Task, error: BaseException, /) -> None:
        """
        Have *task* go on with *error*, unless its wait refuses.
        """
        ...

    def break_off(self) -> None:
        """
        Stop the loop where it is.
        """
        ...


@attrs.define(eq=False)
class Waits:
    """
    How the runs of one exploration waited for those outside: for a thread, or a child process.
    """

    runs: int = 0
    """How many runs there were."""

    longest: float = 0.0
    """The most seconds on the wall without a step."""

    in_vain: bool = False
    """Whether a run was ended for it."""

    @property
    def limit(self) -> float:
        """
        For how many seconds those outside are waited for while nobody takes a step and no timer is set.
        """
        if self.in_vain:
            return WAIT_AGAIN + self.longest
        return WAIT + 3 * self.longest if self.runs else FIRST_WAIT


@attrs.define(eq=False)
class Course:
    """
    A run that is under way.
    """

    model: Model
    slack: float
    max_steps: int
    steering: Steering[Task]
    trace: list[Record] | None = None
    """Where steps are written down, if somebody reads them."""

    waits: Waits = attrs.field(factory=Waits)
    scope: trio.CancelScope = attrs.field(factory=trio.CancelScope)
    problem: AssertionError | None = None
    """Why the run was ended, if it was."""

    time: Time = attrs.field(init=False)
    force: Force = attrs.field(init=False)
    _slack_left: float = 0.0
    _forced: int = 0
    _limit: int = 0
    _before: str = ""
    _thread: int = attrs.field(factory=threading.get_ident)

    @classmethod
    def begin(
        cls, chooser: Chooser, model: Model, slack: float, max_steps: int, trace: list[Record] | None = None
    ) -> Course:
        """
        Return the course of a run that is about to begin.
        """
        course = cls(model, slack, max_steps, Steering(chooser), trace)
        course._limit = max_steps
        course.note_quiet()
        return course

    def drive(
        self,
        main: Callable[[], Awaitable[object]],
        clock: trio.abc.Clock,
        instruments: Sequence[trio.abc.Instrument],
    ) -> outcome.Outcome[object]:
        """
        Run *main*, and return what came of it.
        """
        try:
            with drive_sometimes(self.fails):
                return outcome.Value(trio.run(main, clock=clock, instruments=instruments))
        except BaseException as exc:  # noqa: BLE001 - what it means is for others to say
            return outcome.Error(exc)

    # Who goes next.

    def next_task(self) -> Task | None:
        """
        Return who goes next; None if time passes instead.
        """
        if self._slack_left and self._passes_time():
            return None
        task = self.steering.take()
        if self.steering.steps > self._limit:
            self.end(Livelock(self._no_end()))
        return task

    def note_quiet(self) -> None:
        """
        Note that nobody is held back: time may pass by itself again.
        """
        self._slack_left = self.slack if self.model is Model.WIDE and self.problem is None else 0.0

    def _passes_time(self) -> bool:
        seconds = trio.lowlevel.current_statistics().seconds_to_next_deadline
        if not 0 < seconds <= self._slack_left or not self.steering.happens():
            return False
        self._slack_left -= seconds
        self.time.jump(seconds)
        if self.trace is not None:
            self.trace.append(Jump(seconds))
        return True

    def fails(self, name: str) -> bool:
        """
        Answer a call of `sometimes`: whether it fails is one of the choices. In another thread, or trio's own tasks, it does not.
        """
        if threading.get_ident() != self._thread or not trio.lowlevel.in_trio_task():
            return False
        task = trio.lowlevel.current_task()
        if not is_ours(task) or not self.steering.is_open or not self.steering.happens():
            return False
        if self.trace is not None:
            place = place_of_caller(2)
            at = f"{Path(place.file).name}:{place.line} {place.function.rpartition('.')[2]}"
            self.trace.append(Failure(name_of_task(task), name, at))
        return True

    def _no_end(self) -> str:
        where, timer = stacks(all_tasks()), ""
        seconds = trio.lowlevel.current_statistics().seconds_to_next_deadline
        if seconds < math.inf:
            timer = (
                f"No time passes while a task can run, and the next timer is {seconds:g} s away: who looks again and again "
                f"has to sleep in between. "
            )
        return (
            f"The run did not end after {self.max_steps} steps, at {trio.current_time():g} s of virtual time. {timer}If it "
            f"would have ended later, let it have more steps: explore(max_steps=...). The tasks stood here:\n{where}"
        )

    # The record, where somebody wants one.

    def begin_step(self, task: Task) -> None:
        """
        Note where *task* stands before its step.
        """
        self._before = site(task)

    def end_step(self, task: Task) -> None:
        """
        Write the step of *task* down, unless the run is being ended.
        """
        if self.trace is not None and self.problem is None:
            self.trace.append(Step(name_of_task(task), self._before, site(task), self.steering.preempted))

    # The end.

    def end(self, problem: AssertionError) -> None:
        """
        End the run: the first call cancels it, later ones use more force.
        """
        self._limit = self.steering.steps + TURNS_TO_UNWIND
        trio_token = trio.lowlevel.current_trio_token()
        if self.problem is None:
            self.note_problem(problem)
            trio_token.run_sync_soon(self._cancel)
        elif self._forced < 3:
            self._forced += 1
            trio_token.run_sync_soon(self._interrupt_all)
        else:
            keep_for_ever()
            self.force.break_off()
            trio_token.run_sync_soon(_nothing)

    def note_problem(self, problem: AssertionError) -> None:
        """
        Note why the run is ended; what follows is no part of the schedule.
        """
        self.problem, self.steering.is_open, self._slack_left = problem, False, 0.0

    def _cancel(self) -> None:
        self.scope.cancel(reason=f"the explorer ends the run: {type(self.problem).__name__}")

    def _interrupt_all(self) -> None:
        for task in all_tasks():
            self.force.interrupt(task, Abandoned("the run is ended"))


def keep_for_ever() -> None:
    """
    Have nobody collect what is left of a run whose loop is stopped.

    Closing a coroutine that swallows every exception would hang the interpreter, and the others would complain.
    """
    for task in all_tasks_of_the_run():
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(task.coro))


def _nothing() -> None:
    """
    Wake the loop.
    """
