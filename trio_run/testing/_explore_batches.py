"""
The engine that decides the order of trio's batches.

Trio runs what can run in batches, and shuffles each with a random number generator of its own; under hypothesis it also sorts
the batch first. This engine stands in for that generator. It is exact and quick, and needs private names of trio, all of them
in `_trio_compat`. `_explore_coroutines` does the same without.

Laws: runs in other threads are left alone. Trio's generator is back when the run is over.
"""

from __future__ import annotations

import math
import random
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import attrs
import outcome
import trio

from .. import _trio_compat as compat
from ..errors import InternalError
from ..stacks import task_dump
from ._clock import Deadlock, QuietClock
from ._explore_course import MOST_CALLS_FIRST, ONE_AT_A_TIME, Abandoned, Course, Task, keep_for_ever
from ._explore_steps import is_ours
from ._explore_token import Model


def run_by_batches(
    main: Callable[[], Awaitable[object]], course: Course, instruments: Sequence[trio.abc.Instrument]
) -> outcome.Outcome[object]:
    """
    Run *main* on *course*, and return what came of it.
    """
    order = _Order()
    batches = _Batches(course, order)
    clock = QuietClock()
    clock.keeper = _Deadlocks(course).note
    course.time, course.force = clock, batches
    recorder = [_Recorder(course)] if course.trace is not None else []
    with ONE_AT_A_TIME, compat.batches_shuffled_by(order) as order.otherwise:
        result = course.drive(main, clock, [batches, *recorder, *instruments])
    if order.error is not None:
        raise InternalError("The engine of the explorer broke down.") from order.error
    return result


class _Order(random.Random):
    """
    Takes the place of trio's generator; runs other than its own go on with the one it takes the place of.
    """

    otherwise: random.Random
    runner: object = None
    broken_off: bool = False
    error: BaseException | None = None
    decide: Callable[[list[Task]], None]

    def shuffle(self, x: Any) -> None:  # noqa: ANN401 - as in random.Random
        """
        Put the batch *x* in order.
        """
        if compat.current_runner() is self.runner:
            if self.broken_off:
                raise Abandoned("the loop is stopped")
            try:
                self.decide(x)
            except BaseException as exc:
                self.error = exc
                keep_for_ever()
                raise
        else:
            self.otherwise.shuffle(x)


@attrs.define(eq=False)
class _Deadlocks:
    """
    Has a deadlock noted, whoever catches the error that the clock raises for it.
    """

    course: Course
    count: int = 0

    def note(self, deadline: float) -> bool:
        """
        Look at the next *deadline*, when nobody can run.
        """
        if deadline == math.inf:
            self.count += 1
            if self.course.problem is None:
                self.course.note_problem(Deadlock(task_dump()))
            if self.count > 2:  # Nothing else helps, so trio stops.
                keep_for_ever()
        return False


@attrs.define(eq=False)
class _Batches(trio.abc.Instrument):
    """
    Decides the batches of one run.
    """

    course: Course
    order: _Order
    _stood_back: int = 0
    _stand_in: Task | None = None
    """Somebody who is held back here, and stands in trio's queue so that trio goes on at once."""

    _queue: deque[Task] = attrs.field(factory=deque)

    def before_run(self) -> None:
        """
        Note which run is ours.
        """
        self.order.runner = compat.current_runner()
        self._queue = compat.run_queue()
        self.order.decide = self._strict if self.course.model is Model.STRICT else self._wide

    def interrupt(self, task: Task, error: BaseException) -> None:
        """
        Have *task* go on with *error*, unless its wait refuses.
        """
        compat.interrupt(task, error)

    def break_off(self) -> None:
        """
        Stop the loop where it is.
        """
        self.order.broken_off = True

    def _strict(self, batch: list[Task]) -> None:
        """
        Have all of *batch* run, in some order.
        """
        course, steering = self.course, self.course.steering
        chosen = [task for task in batch if not is_ours(task)]
        steering.admit(*filter(is_ours, batch))
        while steering.anyone is not None:
            task = course.next_task()
            if task is not None:
                chosen.append(task)
        batch[:] = reversed(chosen)

    def _wide(self, batch: list[Task]) -> None:
        """
        Have one task of all that can run take a step, or trio's own tasks if there are any.
        """
        course, was = self.course, self._stand_in
        steering = course.steering
        trios: list[Task] = []
        for task in batch:
            if task is was:
                continue
            if is_ours(task):
                steering.admit(task)
            else:
                trios.append(task)
        stand_in = steering.anyone
        if stand_in is None:
            course.note_quiet()
        elif trios and self._stood_back < MOST_CALLS_FIRST:
            self._stood_back += 1
        else:
            self._stood_back = 0
            if (chosen := course.next_task()) is not None:
                trios.append(chosen)
            stand_in = steering.anyone
        batch[:] = trios
        self._stand_in = stand_in
        if stand_in is not None:
            self._queue.append(stand_in)


@attrs.define(eq=False)
class _Recorder(trio.abc.Instrument):
    """
    Has each step of the program's tasks written down.
    """

    course: Course

    def before_task_step(self, task: Task) -> None:
        """
        Note where a step begins.
        """
        if is_ours(task):
            self.course.begin_step(task)

    def after_task_step(self, task: Task) -> None:
        """
        Note where a step ends.
        """
        if is_ours(task):
            self.course.end_step(task)
