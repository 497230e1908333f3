"""
Whether this trio is built as `_trio_compat` takes it to be.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import attrs
import trio

from . import _trio_compat as compat

_PLACES: dict[str, tuple[str, ...]] = {
    "Task": (
        "_abort_func",
        "_attempt_abort",
        "_cancel_status",
        "_counter",
        "_next_send",
        "_next_send_fn",
        "_schedule_points",
    ),
    "Runner": (
        "deadlines",
        "entry_queue",
        "instruments",
        "io_manager",
        "is_guest",
        "main_task",
        "runq",
        "tasks",
        "waiting_for_idle",
    ),
    "CancelScope": ("_cancel_reason",),
    "CancelStatus": ("_parent", "_scope", "effective_deadline", "effectively_cancelled"),
}


def check() -> None:
    """
    Make sure that this trio is built as `_trio_compat` takes it to be.

    That what is there behaves as it should is shown by our tests, on each version of trio that is supported.

    Raises:
        RuntimeError: Something is not there. It is named; do without the tool, or take another trio.
    """
    core: Any = compat.core()
    run = getattr(core, "_run", None)
    lacking = [
        name for name in ("GLOBAL_RUN_CONTEXT", "_ALLOW_DETERMINISTIC_SCHEDULING", "_r") if not hasattr(run, name)
    ]
    for kind, names in _PLACES.items():
        found = getattr(run, kind, None)
        fields = attrs.fields_dict(found) if found is not None and attrs.has(found) else {}
        lacking += [f"{kind}.{name}" for name in names if name not in fields and not hasattr(found, name)]
    cache = getattr(getattr(core, "_thread_cache", None), "THREAD_CACHE", None)
    if not hasattr(cache, "_idle_workers"):
        lacking.append("THREAD_CACHE._idle_workers")
    if not lacking and trio.lowlevel.in_trio_task():
        lacking += check_leaks()
    if compat.abort_of(_message_of_a_wait()) is None:
        lacking.append("WaitTaskRescheduled.abort_func")
    if lacking:
        raise RuntimeError(
            f"trio {trio.__version__} has no {', '.join(lacking)}, so what looks inside of it would have to guess. "
            f"Use a release of trio that trio_run was tested with."
        )


def check_leaks() -> tuple[str, ...]:
    """
    Return what is missing, or is not what it was, of what a leak check looks at; only inside of a run.
    """
    task = trio.lowlevel.current_root_task()
    if task is None:
        raise RuntimeError("What a leak check looks at is there only inside of a run.")
    lock, (channel, other) = trio.Lock(), trio.open_memory_channel[None](0)

    probes: dict[str, Callable[[], bool]] = {
        "ThreadCache.start_thread_soon": lambda: callable(getattr(compat.thread_cache(), "start_thread_soon", None)),
        "WorkerThread._work": lambda: compat.thread_loop().co_name == "_work",
        "ThreadPlaceholder": lambda: isinstance(compat.thread_token(), type),
        "MemorySendChannel._state": lambda: compat.channel_state(channel) is compat.channel_state(other),
        "MemoryChannelState.statistics": lambda: callable(getattr(compat.channel_state(channel), "statistics", None)),
        "Task._next_send_fn": lambda: isinstance(compat.is_scheduled(task), bool),
        "Task._cancel_status.effective_deadline": lambda: list(compat.with_deadline([task])) in ([], [task]),
        "Lock._lot": lambda: isinstance(compat.lot_of(lock), trio.lowlevel.ParkingLot),
        "GLOBAL_PARKING_LOT_BREAKER": lambda: isinstance(compat.held_lots(), dict),
        "ParkingLot._parked": lambda: compat.parked_in(compat.lot_of(lock)) == (),
        "Runner.io_manager, entry_queue": lambda: len(compat.wakers()) == 2,
        "Runner.tasks, deadlines": lambda: task in cast("set[trio.lowlevel.Task]", compat.tables()[1]),
        "CancelStatus, CancelScope, Nursery, WaitTaskRescheduled": lambda: all(
            isinstance(each, type) for each in compat.structure()
        ),
    }
    missing: list[str] = []
    with channel, other:
        for name, probe in probes.items():
            try:
                found = probe()
            except (AttributeError, KeyError, TypeError):
                found = False
            if not found:
                missing.append(name)
    return tuple(missing)


def _message_of_a_wait() -> object:
    wait = trio.lowlevel.wait_task_rescheduled(lambda _: trio.lowlevel.Abort.SUCCEEDED)  # noqa: ASYNC105 - looked at only
    try:
        return wait.send(None)
    finally:
        wait.close()
