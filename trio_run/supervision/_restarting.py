"""
One runner under one policy, for who needs no tree: a supervisor that nobody sees, with one child.

Law: what can be said of a child's restarts holds here too, since it is the same core.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, TypeVarTuple, Unpack, overload

import trio

from .._handle import State, is_done, is_started, wait_until
from ._block import open_supervisor
from ._child import Child, renamed
from ._policy import Backoff, Budget, Restart

T = TypeVar("T")
PosArgsT = TypeVarTuple("PosArgsT")


@overload
async def restarting(
    runner: Callable[[Unpack[PosArgsT]], Awaitable[T]],
    *args: *PosArgsT,
    name: str | None = None,
    restart: Restart | str = Restart.ON_FAILURE,
    budget: Budget | None = None,
    backoff: Backoff | None = None,
    task_status: trio.TaskStatus[object] = trio.TASK_STATUS_IGNORED,
) -> T | None: ...


@overload
async def restarting(
    runner: object,
    *args: object,
    name: str | None = None,
    restart: Restart | str = Restart.ON_FAILURE,
    budget: Budget | None = None,
    backoff: Backoff | None = None,
    task_status: trio.TaskStatus[object] = trio.TASK_STATUS_IGNORED,
) -> Any: ...  # noqa: ANN401 - whatever the runner returns


async def restarting(  # type: ignore[misc]  # mypy does not see that *args takes a TypeVarTuple
    runner: Any,
    *args: Any,
    name: str | None = None,
    restart: Restart | str = Restart.ON_FAILURE,
    budget: Budget | None = None,
    backoff: Backoff | None = None,
    task_status: trio.TaskStatus[object] = trio.TASK_STATUS_IGNORED,
) -> Any:
    """
    Run a runner, and run it again when it fails, until it returns.

    The same as a supervisor with that one child, in one call. Unlike a child that a supervisor starts with, it is tried again
    too if it fails before it is ready for the first time. Asked to stop, as part of a child, the runner is stopped and the
    call returns.

    Args:
        runner: What a `Child` takes: an async function, an object with ``async def run()``, or a class of such.
        *args: Arguments for it.
        name: What logs call it; the default is guessed from *runner*, whose own path is that name and ``runner``.
        restart: When it is run again; with ``ALWAYS`` the call never returns by itself.
        budget: How many restarts are forgiven.
        backoff: How long to wait before a restart.
        task_status: For ``nursery.start``: told what the runner gives to its own, when it is ready for the first time.

    Returns:
        What the runner returned; None if it was stopped.

    Raises:
        GaveUp: The budget was spent, or the runner raised `Escalate`.
        JobCancelled: With ``restart="never"``: something in the runner cancelled it.
        Exception: With ``restart="never"``: the error of the runner.
        TypeError: *runner* cannot run, or *args* do not fit it.
        ValueError: The budget could never be spent.

    Cancellation:
        Cancels the runner, and waits until it is gone.
    """
    child = Child(runner, *args, name=name, restart=restart)
    async with open_supervisor(child.name, budget=budget, backoff=backoff) as supervisor:
        handle = supervisor.start_soon(renamed(child, "runner"))
        await wait_until(handle, is_started)
        if not handle.lost:
            task_status.started(handle.ready_value)
        await wait_until(handle, is_done)
    return None if handle.state is State.STOPPED else handle.value
