"""
The engine that stands between trio and each coroutine.

It swaps `Task.coro` when a task is spawned. Trio runs tasks as it likes; whoever is not the one to go is parked, and is
woken for its turn. It needs nothing private, and is slower than `_explore_batches`. The order among trio's own tasks is not
its to decide.

Laws: it makes the same schedules of the same choices as the other engine. A cancellation that comes while somebody is parked
is kept for their next checkpoint, as it is for a task in trio's queue.
"""

from __future__ import annotations

# ruff: noqa: ANN401
# What goes in and out of a coroutine of trio is known to nobody else.
import enum
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, NoReturn

import attrs
import outcome
import trio
from trio.lowlevel import Abort
from trio.testing import MockClock

from .. import _trio_compat as compat
from ..errors import InternalError
from ._explore_course import MOST_CALLS_FIRST, ONE_AT_A_TIME, Abandoned, Course, Task, keep_for_ever
from ._explore_idle import Idle
from ._explore_steps import is_ours
from ._explore_token import Model


def run_by_coroutines(
    main: Callable[[], Awaitable[object]], course: Course, instruments: Sequence[trio.abc.Instrument]
) -> outcome.Outcome[object]:
    """
    Run *main* on *course*, and return what came of it.
    """
    clock = MockClock()
    turns = _Turns(course, clock)
    course.time, course.force = clock, turns
    with ONE_AT_A_TIME:
        result = course.drive(main, clock, [turns, Idle(course, clock), *instruments])
    if turns.error is not None:
        raise InternalError("The engine of the explorer broke down.") from turns.error
    return result


class _Place(enum.Enum):
    """
    Where a task is.
    """

    AWAY = enum.auto()
    """Running, or in a wait of its own."""

    QUEUED = enum.auto()
    """In trio's queue."""

    PARKED = enum.auto()
    """Held back here."""


@attrs.define(eq=False)
class _Turns(trio.abc.Instrument):
    """
    Says whose turn it is.
    """

    course: Course
    clock: MockClock
    coros: dict[Task, _Turned] = attrs.field(factory=dict)
    turn: Task | None = None
    error: BaseException | None = None
    """What went wrong here, while trio cannot be told."""

    _numbers: int = 0
    _stood_back: int = 0
    _fresh: list[_Turned] = attrs.field(factory=list)
    _batch: list[Task] = attrs.field(factory=list)
    _waking: Task | None = None

    # What trio tells.

    def task_spawned(self, task: Task) -> None:
        """
        Stand between trio and *task*.
        """
        if is_ours(task):
            self._numbers += 1
            self.coros[task] = coro = _Turned(task.coro, self, task, self._numbers)
            compat.replace_coroutine(task, coro)

    def task_scheduled(self, task: Task) -> None:
        """
        Note that *task* can run.
        """
        coro = self.coros.get(task)
        if coro is not None and task is not self._waking:
            coro.place = _Place.QUEUED
            self._fresh.append(coro)

    def task_exited(self, task: Task) -> None:
        """
        Forget *task*.
        """
        self.coros.pop(task, None)

    def after_task_step(self, task: Task) -> None:
        """
        Give the next turn.
        """
        del task
        if self.turn is None:
            self.give_turn()

    def before_io_wait(self, timeout: float) -> None:
        """
        Note that nobody is held back.
        """
        del timeout
        if self.course.steering.anyone is None and not self._batch and not self._fresh:
            self.course.note_quiet()

    # What is done.

    def give_turn(self) -> None:
        """
        Choose who goes next, once trio has taken in all that happens at this moment.
        """
        now = trio.lowlevel.current_statistics()
        if now.run_sync_soon_queue_size and self._stood_back < MOST_CALLS_FIRST:
            self._stood_back += 1
            return  # Trio's own task goes first, and asks again.
        self._stood_back = 0
        if now.seconds_to_next_deadline <= 0:
            trio.lowlevel.current_trio_token().run_sync_soon(_nothing)
            return
        try:
            task = self._next_strict() if self.course.model is Model.STRICT else self._next_wide()
        except BaseException as exc:
            self.error = exc  # Trio only logs it, and goes on without us.
            keep_for_ever()
            raise
        if task is None:
            return
        self.turn = task
        if self.coros[task].place is _Place.PARKED:
            self._waking = task
            trio.lowlevel.reschedule(task)
            self._waking = None

    def _admit(self) -> None:
        fresh, self._fresh = self._fresh, []
        fresh.sort(key=_number)
        self.course.steering.admit(*[coro.task for coro in fresh])

    def _next_wide(self) -> Task | None:
        self._admit()
        if self.course.steering.anyone is None:
            return None
        task = self.course.next_task()
        if task is None:  # Time passes, and trio has to see it.
            trio.lowlevel.current_trio_token().run_sync_soon(_nothing)
        return task

    def _next_strict(self) -> Task | None:
        if not self._batch:
            self._admit()
            while self.course.steering.anyone is not None:
                task = self.course.next_task()
                if task is not None:
                    self._batch.append(task)
        return self._batch.pop(0) if self._batch else None

    def interrupt(self, task: Task, error: BaseException) -> None:
        """
        Have *task* go on with *error*, unless its wait refuses.
        """
        coro = self.coros.get(task)
        if coro is not None:
            coro.interrupt(error)

    def break_off(self) -> None:
        """
        Stop the loop where it is.
        """
        vars(self.clock)["current_time"] = _stop


@attrs.define(eq=False)
class _Turned(Coroutine[Any, Any, Any]):
    """
    What trio takes for the coroutine of a task.
    """

    coro: Any
    turns: _Turns
    task: Task
    number: int
    place: _Place = _Place.AWAY
    _value: Any = None
    _thrown: tuple[Any, ...] = ()
    _wait: Any = None

    def send(self, value: Any) -> Any:
        """
        Go on with *value* if it is this task's turn, and park otherwise.
        """
        turns = self.turns
        if self.place is _Place.QUEUED:
            self._value = value
        if turns.turn is None:
            turns.give_turn()
        if turns.turn is not self.task:
            self.place = _Place.PARKED
            return _first(trio.lowlevel.wait_task_rescheduled(_stay))  # noqa: ASYNC105
        turns.turn = None
        value, self._value = self._value, None
        self.place = _Place.AWAY
        return self._step(value)

    def _step(self, value: Any) -> Any:
        course = self.turns.course
        thrown, self._thrown = self._thrown, ()
        if course.trace is not None:
            course.begin_step(self.task)
        try:
            self._wait = self.coro.throw(*thrown) if thrown else self.coro.send(value)
        finally:
            if course.trace is not None:
                course.end_step(self.task)
        return self._wait

    def interrupt(self, error: BaseException) -> None:
        """
        Go on with *error*, unless the wait refuses.
        """
        abort = getattr(self._wait, "abort_func", None)

        def throw() -> NoReturn:
            raise error

        if self.place is not _Place.AWAY:
            self._value = outcome.Error(error)
        elif abort is not None and abort(throw) is Abort.SUCCEEDED:
            trio.lowlevel.reschedule(self.task, outcome.capture(throw))

    def throw(self, *args: Any) -> Any:
        """
        Have the coroutine raise, in its turn; trio does so only after it was given something it did not know.
        """
        self._thrown = args
        return self.send(None)

    def close(self) -> None:
        """
        Close the coroutine.
        """
        self.coro.close()

    def __await__(self) -> Any:
        return self.coro.__await__()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.coro, name)


def _first(coro: Coroutine[Any, Any, Any]) -> Any:
    """
    Return what trio is to be told first when *coro* is awaited.
    """
    try:
        return coro.send(None)
    finally:
        coro.close()


def _stay(_raise_cancel: Callable[[], NoReturn]) -> Abort:
    """
    Refuse to be cancelled: this task could run.
    """
    return Abort.FAILED


def _stop() -> NoReturn:
    """
    Stand in for the clock: trio stops where it asks for the time.
    """
    raise Abandoned("the loop is stopped")


def _number(coro: _Turned) -> int:
    return coro.number


def _nothing() -> None:
    """
    Wake the loop.
    """
