"""
The engine that decides the order of trio's batches.

Trio runs what can run in batches, and shuffles each with a random number generator of its own; under hypothesis it also sorts
the batch first. This engine stands in for that generator. It is exact and quick, and needs private names of trio, all of them
in `_trio_compat`. `_explore_coroutines` does the same without.

Laws: runs in other threads are left alone. Steps taken in one pass of the loop are those that would be taken in a pass each.
Trio's generator is back when the run is over.
"""

from __future__ import annotations

import math
import random
import time
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
    batches = (_Strict if course.model is Model.STRICT else _Wide)(course, order)
    clock = QuietClock()
    deadlocks = _Deadlocks(course)
    clock.keeper, clock.is_tired = deadlocks.note, deadlocks.is_tired
    course.time, course.force = clock, batches
    recorders = [_Recorder(course)] if course.trace is not None else []
    with ONE_AT_A_TIME, compat.batches_shuffled_by(order) as order.otherwise:
        # Last, since it begins the next step.
        result = course.drive(main, clock, [*recorders, *instruments, batches])
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
    _steps: int = -1
    _since: float = 0.0
    _waited: float = 0.0

    def is_tired(self, deadline: float, who: str) -> bool:
        """
        Tell whether *who* is outside was waited for long enough: without a step, and without a timer.
        """
        del who
        if self.count:
            return True
        now, steps, waits = time.perf_counter(), self.course.steering.steps, self.course.waits
        if self._steps != steps:
            waits.longest = max(waits.longest, self._waited)
            self._steps, self._since = steps, now
        self._waited = now - self._since if deadline == math.inf else 0.0
        tired = self._waited > waits.limit
        waits.in_vain |= tired
        return tired

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

    def before_run(self) -> None:
        """
        Note which run is ours.
        """
        self.order.runner = compat.current_runner()
        self.order.decide = self.decide

    def decide(self, batch: list[Task]) -> None:
        """
        Put in *batch* who runs in this pass of the loop, the first one last.
        """
        raise NotImplementedError

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


class _Strict(_Batches):
    """
    Has all of a batch run, in some order.
    """

    def decide(self, batch: list[Task]) -> None:
        """
        Put *batch* in order.
        """
        course, steering = self.course, self.course.steering
        chosen = [task for task in batch if not is_ours(task)]
        steering.admit(*filter(is_ours, batch))
        while steering.anyone is not None:
            task = course.next_task()
            if task is not None:
                chosen.append(task)
        batch[:] = reversed(chosen)


@attrs.define(eq=False)
class _Wide(_Batches):
    """
    Has one task of all that can run take a step, or trio's own tasks if there are any.
    """

    _stood_back: int = 0
    _stand_in: Task | None = None
    """Somebody who is held back here, and stands in trio's queue so that trio goes on at once."""

    _batch: list[Task] = attrs.field(factory=list)
    """Who is still to run in this pass of the loop; trio's own list."""

    _queue: deque[Task] = attrs.field(factory=deque)
    _something_else: Callable[[], bool] = attrs.field(init=False)

    def before_run(self) -> None:
        """
        Note which run is ours.
        """
        super().before_run()
        self._queue, self._something_else = compat.run_queue(), compat.something_else()

    def decide(self, batch: list[Task]) -> None:
        """
        Leave one of *batch* and those who were held back, or trio's own tasks.
        """
        course, steering, stand_in = self.course, self.course.steering, self._stand_in
        trios: list[Task] = []
        for task in batch:
            if task is stand_in:
                continue
            if is_ours(task):
                steering.admit(task)
            else:
                trios.append(task)
        if steering.anyone is None:
            course.note_quiet()
        elif trios and self._stood_back < MOST_CALLS_FIRST:
            self._stood_back += 1
        else:
            self._stood_back = 0
            if (chosen := course.next_task()) is not None:
                trios.append(chosen)
        batch[:] = trios
        self._batch = batch
        if not batch:
            self._end_pass()

    def after_task_step(self, task: Task) -> None:
        """
        Have the next one go in the same pass where a new pass would find nobody else, for a pass takes longer than a step.
        """
        if self._batch:
            return
        try:
            if not self._goes_on():
                self._end_pass()
        except BaseException as exc:  # Trio only logs it, and goes on without us: to the next pass.
            self.order.error, self.order.broken_off = exc, True
            self._queue.append(task)
            keep_for_ever()
            raise

    def _goes_on(self) -> bool:
        """
        Have the next one go, and tell whether there is one that need not wait for a new pass.
        """
        queue, steering = self._queue, self.course.steering
        if not all(map(is_ours, queue)) or self._something_else():
            return False
        steering.admit(*(queue if len(queue) < 2 else sorted(queue, key=compat.task_number)))
        queue.clear()
        if steering.anyone is None or (chosen := self.course.next_task()) is None:
            return False
        self._batch.append(chosen)
        return True

    def _end_pass(self) -> None:
        """
        Have trio begin a new pass at once, if anybody is held back.
        """
        self._stand_in = stand_in = self.course.steering.anyone
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
