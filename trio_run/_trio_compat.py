"""
Every private name of trio that is used anywhere in this package, each behind a small function.

What is public is used where it is needed. What is done with these is not decided here.

Law: a name that is missing, or is not what it was, is told by `_trio_check.check`; nobody guesses.
"""

from __future__ import annotations

# pyright: reportPrivateUsage=false
import contextlib
import math
import os
import random
import select
import threading
import time
import types
from collections import deque
from collections.abc import Callable, Coroutine, Generator, Iterable, Iterator
from pathlib import Path
from typing import Any, Final, NoReturn, cast

import attrs
import outcome
import trio

Task = trio.lowlevel.Task

_PLUMBING: Final = (str(Path(trio.__file__).parent) + os.sep, str(Path(__file__).parent / "leaks") + os.sep)


def core() -> types.ModuleType:
    """
    Return the module below which trio keeps what it does not hand out.
    """
    return trio._core  # noqa: SLF001


# The order of batches: what trio does for hypothesis, and pytest-trio before it.


def current_runner() -> object:
    """
    Return what stands for the run of this thread; None outside of any.
    """
    return getattr(trio._core._run.GLOBAL_RUN_CONTEXT, "runner", None)  # noqa: SLF001


def run_queue() -> deque[Task]:
    """
    Return the tasks that run in the next batch of this thread's run.
    """
    return trio._core._run.GLOBAL_RUN_CONTEXT.runner.runq  # noqa: SLF001


def something_else() -> Callable[[], bool]:
    """
    Return a function that tells whether a new pass of this thread's run may find more to do than the tasks in `run_queue`.

    That is a deadline that passed, a call from another thread, or I/O that somebody waits for; where the last cannot be known,
    it is taken to be so.
    """
    runner: Any = trio._core._run.GLOBAL_RUN_CONTEXT.runner  # noqa: SLF001
    registered = getattr(runner.io_manager, "_registered", None)
    if registered is None:
        return lambda: True
    calls, next_deadline, now = runner.entry_queue.size, runner.deadlines.next_deadline, runner.clock.current_time
    # Trio's own wait, by which threads and signals wake it, is one.
    return lambda: len(registered) > 1 or calls() > 0 or next_deadline() <= now()


def task_number(task: Task) -> int:
    """
    Return a number that grows from each task to the next one started.
    """
    return task._counter  # noqa: SLF001


@contextlib.contextmanager
def batches_shuffled_by(generator: random.Random) -> Generator[random.Random]:
    """
    Have trio sort each batch by `task_number` and then shuffle it by *generator*, in all threads.

    Tasks run from the end of the shuffled list. Yields the generator that trio has otherwise.
    """
    run: Any = trio._core._run  # noqa: SLF001
    saved = run._r, run._ALLOW_DETERMINISTIC_SCHEDULING  # noqa: SLF001
    run._r, run._ALLOW_DETERMINISTIC_SCHEDULING = generator, True  # noqa: SLF001
    try:
        yield saved[0]
    finally:
        run._r, run._ALLOW_DETERMINISTIC_SCHEDULING = saved  # noqa: SLF001


def interrupt(task: Task, error: BaseException) -> None:
    """
    Have *task* go on with *error*: at once if it can run, and else if its wait can be aborted, as a cancellation does it.
    """

    def throw() -> NoReturn:
        raise error

    if task._next_send_fn is not None:  # noqa: SLF001
        task._next_send = outcome.Error(error)  # noqa: SLF001
    elif task._abort_func is not None:  # noqa: SLF001
        task._attempt_abort(throw)  # noqa: SLF001


# What a leak check looks at.


def thread_cache() -> type:
    """
    Return the class that lends trio's threads, by its method ``start_thread_soon(fn, deliver, name=None)``.
    """
    return trio._core._thread_cache.ThreadCache  # noqa: SLF001


def processes() -> object:
    """
    Return the module of trio's processes, which has a name of its own for `os.pidfd_open`; None if there is no such module.
    """
    return getattr(trio, "_subprocess", None)


def thread_loop() -> types.CodeType:
    """
    Return the code that one of trio's threads runs all its life.
    """
    worker: Any = trio._core._thread_cache.WorkerThread  # noqa: SLF001
    return cast("types.CodeType", worker._work.__code__)  # noqa: SLF001


def thread_token() -> type:
    """
    Return the class of what borrows a token for a call in a thread.
    """
    threads: Any = getattr(trio, "_threads")  # noqa: B009 - it is there, and not for type checkers
    return cast("type", threads.ThreadPlaceholder)


def channel_state(channel: trio.MemorySendChannel[Any] | trio.MemoryReceiveChannel[Any]) -> object:
    """
    Return what all ends of a memory channel share; it has a method ``statistics()``.
    """
    return channel._state  # noqa: SLF001


def is_scheduled(task: Task) -> bool:
    """
    Tell whether *task* is to run in the next batch.
    """
    return task._next_send_fn is not None  # noqa: SLF001


def with_deadline(tasks: Iterable[Task]) -> Iterator[Task]:
    """
    Yield those of *tasks* that are going to be cancelled at some time, or are already, as far as that is known.
    """
    known: dict[object, float] = {}  # Tasks of one nursery share their status, and there may be thousands of them.
    for task in tasks:
        status = task._cancel_status  # noqa: SLF001
        deadline = known.get(status)
        if deadline is None:
            deadline = known[status] = status.effective_deadline()
        if deadline != math.inf:
            yield task


def lot_of(lock: trio.Lock | trio.StrictFIFOLock) -> trio.lowlevel.ParkingLot:
    """
    Return where tasks wait for *lock*.
    """
    return lock._lot  # noqa: SLF001


def held_lots() -> dict[Task, list[trio.lowlevel.ParkingLot]]:
    """
    Return which tasks have which locks, given by their lots; trio's own table, not to be changed.
    """
    return trio._core._parking_lot.GLOBAL_PARKING_LOT_BREAKER  # noqa: SLF001


def parked_in(lot: trio.lowlevel.ParkingLot) -> tuple[Task, ...]:
    """
    Return the tasks that wait in *lot*.
    """
    return tuple(lot._parked)  # noqa: SLF001


def wakers() -> tuple[object, ...]:
    """
    Return what can wake tasks from outside of them all: the kernel's side, and other threads'.
    """
    runner = trio._core._run.GLOBAL_RUN_CONTEXT.runner  # noqa: SLF001
    return (runner.io_manager, runner.entry_queue)


def tables() -> tuple[object, ...]:
    """
    Return what knows of every task, and wakes none by itself.
    """
    runner = trio._core._run.GLOBAL_RUN_CONTEXT.runner  # noqa: SLF001
    return (runner, runner.tasks, runner.deadlines, held_lots(), *runner.instruments["_all"])


def structure() -> tuple[type, ...]:
    """
    Return the classes of what ties tasks together, or a task to its wait, and wakes them by cancelling only.
    """
    run, traps = trio._core._run, trio._core._traps  # noqa: SLF001
    return (run.Runner, run.CancelStatus, run.CancelScope, run.Nursery, traps.WaitTaskRescheduled)


def is_trios_own(task: Task) -> bool:
    """
    Tell whether *task* is a part of trio, or of the leak check, which runs where trio's own tasks do.

    Their names are in angle brackets; by that alone it may be pytest-trio's too, or anybody's.
    """
    if not task.name.startswith("<"):
        return False
    code = getattr(task.coro, "cr_code", None)
    return code is not None and code.co_filename.startswith(_PLUMBING)


# The waits of a task, and the shields around it.

AbortFunction = Callable[[Callable[[], NoReturn]], trio.lowlevel.Abort]
"""What trio calls to end a wait: it is given what raises the error that the wait is to end with."""


def replace_coroutine(task: Task, coroutine: Coroutine[Any, Any, Any]) -> None:
    """
    Have *task* run *coroutine* in place of its own; only before its first step is scheduled, as in ``task_spawned``.
    """
    task.coro = cast("Any", coroutine)


def abort_of(message: object) -> AbortFunction | None:
    """
    Return what ends the wait that a task asked for with *message*; None if it only gives others their turn.
    """
    return cast("AbortFunction | None", getattr(message, "abort_func", None))


def with_abort(message: object, abort: AbortFunction) -> object:
    """
    Return a *message* that is ended by *abort*.
    """
    return attrs.evolve(cast("Any", message), abort_func=abort)


def scope_around(task: Task) -> trio.CancelScope:
    """
    Return the innermost scope that *task* stands in.
    """
    scope: trio.CancelScope = task._cancel_status._scope  # noqa: SLF001
    return scope


def stands_in(task: Task, scope: trio.CancelScope) -> bool:
    """
    Tell whether *task* stands inside of *scope*, be it opened by that task or around its nursery.
    """
    status: Any = task._cancel_status  # noqa: SLF001
    while status is not None and status._scope is not scope:  # noqa: SLF001
        status = status._parent  # noqa: SLF001
    return status is not None


def is_cancelled_by(scope: trio.CancelScope, error: trio.Cancelled) -> bool:
    """
    Tell whether *error* is what the cancellation of *scope* raises, be it its own or one that came from further out.
    """
    told: Any = scope._cancel_reason  # noqa: SLF001
    return told is not None and (told.source, told.reason, told.source_task) == (
        error.source,
        error.reason,
        error.source_task,
    )


def is_shielded(task: Task, within: trio.CancelScope) -> bool:
    """
    Tell whether *task* stands in a shielded scope inside of *within*.
    """
    status: Any = task._cancel_status  # noqa: SLF001
    while status is not None and status._scope is not within:  # noqa: SLF001
        if status._scope.shield:  # noqa: SLF001
            return True
        status = status._parent  # noqa: SLF001
    return False


# What a clock has to know of the loop, and what a dump shows of a task.


def stopwatch() -> Callable[[], float]:
    """
    Return a function that tells the time of this thread's run as fast as can be, in seconds since no moment in particular.
    """
    clock = trio.lowlevel.current_clock()
    usual = getattr(trio._core._run, "SystemClock", None)  # noqa: SLF001
    return time.perf_counter if type(clock) is usual else clock.current_time  # Trio's own is that, and an offset.


def someone_waits_for_idle() -> bool:
    """
    Tell whether a task of this thread's run is in `trio.testing.wait_all_tasks_blocked`.
    """
    return bool(trio._core._run.GLOBAL_RUN_CONTEXT.runner.waiting_for_idle)  # noqa: SLF001


def main_task() -> Task | None:
    """
    Return the task that runs what was given to `trio.run`; None once it ended.
    """
    task = trio._core._run.GLOBAL_RUN_CONTEXT.runner.main_task  # noqa: SLF001
    return task if task is not None and getattr(task.coro, "cr_frame", None) is not None else None


def io_is_ready() -> bool:
    """
    Tell whether any I/O that tasks of this thread's run wait for is ready, or a thread or signal woke the loop.
    """
    runner: Any = trio._core._run.GLOBAL_RUN_CONTEXT.runner  # noqa: SLF001
    manager = runner.io_manager
    poller = getattr(manager, "_epoll", None) or getattr(manager, "_kqueue", None)
    if poller is None:  # On Windows; there it is known only whether the loop was woken.
        return bool(runner.entry_queue.size())
    poll = select.poll()
    poll.register(poller.fileno(), select.POLLIN)
    return bool(poll.poll(0))


def waited_descriptors() -> tuple[int, ...] | None:
    """
    Return the file descriptors, and other things of the kernel, that tasks wait for; None where that cannot be known.

    Trio's own, by which threads and signals wake it, is not among them.
    """
    runner: Any = trio._core._run.GLOBAL_RUN_CONTEXT.runner  # noqa: SLF001
    registered = getattr(runner.io_manager, "_registered", None)
    if registered is None:
        return None
    own = runner.entry_queue.wakeup.wakeup_sock.fileno()
    found = [cast("int", key[0] if isinstance(key, tuple) else key) for key in registered]
    return tuple(descriptor for descriptor in found if descriptor != own)


def idle_threads() -> frozenset[threading.Thread]:
    """
    Return the threads that trio keeps for later use.
    """
    workers: dict[Any, None] = trio._core._thread_cache.THREAD_CACHE._idle_workers  # noqa: SLF001
    return frozenset(cast("threading.Thread", worker._thread) for worker in tuple(workers))  # noqa: SLF001


def running_task() -> Callable[[], Task | None]:
    """
    Return a function that tells, in any thread, which task of this thread's run is at a step.
    """
    values: dict[str, Any] = trio._core._run.GLOBAL_RUN_CONTEXT.__dict__  # noqa: SLF001
    return lambda: cast("Task | None", values.get("task"))


def is_guest() -> bool:
    """
    Tell whether this thread's run is a guest in somebody else's loop.
    """
    return bool(trio._core._run.GLOBAL_RUN_CONTEXT.runner.is_guest)  # noqa: SLF001


def steps_of(task: Task) -> int:
    """
    Return how many steps *task* took so far.
    """
    return task._schedule_points  # noqa: SLF001


def is_cancelled(task: Task) -> bool:
    """
    Tell whether the next checkpoint of *task*, or the one that it is in, raises `trio.Cancelled`.
    """
    return bool(task._cancel_status.effectively_cancelled)  # noqa: SLF001
