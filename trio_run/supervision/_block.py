"""
A supervisor for as long as a block lasts.

The supervisor runs in a task beside the block, in a nursery of their own: when one ends, so does the other. What happens in
between is for the supervisor.

Law: a verdict of the supervisor leaves the block bare, unless the block failed too.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import AsyncGenerator

import attrs
import trio

from .._stopping import current_life
from ..errors import SupervisorNotRunning
from ._exit_rule import ExitWhen
from ._handle import Supervisor
from ._policy import Backoff, Budget, Strategy
from ._start_order import StartOrder


@contextlib.asynccontextmanager
async def open_supervisor(
    name: str,
    *children: object,
    strategy: Strategy | str = Strategy.ONE_FOR_ONE,
    budget: Budget | None = None,
    backoff: Backoff | None = None,
    start_order: StartOrder | str = StartOrder.LISTED,
    exit_when: ExitWhen | str = ExitWhen.NEVER,
    max_children: float = math.inf,
    grace: float = math.inf,
    cancel_grace: float = 0.0,
) -> AsyncGenerator[Supervisor]:
    """
    Run a supervisor for as long as a block lasts.

    The block begins when the children given here are ready. Leaving it stops all children, the last started first, and it
    ends when all are gone. If the supervisor gives up, or ends because its children did, the block is cancelled.

    In a child that is asked to stop, the supervisor stops its children within the grace of that child. Then the block is
    cancelled, unless the child listens for the stop itself (with `stopping`, `wait_stopping` or `cancel_on_stop`); a block
    that gives orders should, since a supervisor that stops takes none.

    Args:
        name: What logs and trees call it.
        *children: What to start with, in order.
        strategy: Which siblings go down with a child that ended.
        budget: How many restarts are forgiven.
        backoff: How long to wait before a restart.
        start_order: Whether the children given here come up one after another, or side by side.
        exit_when: Whether the supervisor, and with it the block, ends once children have ended.
        max_children: How many children there may be at once.
        grace: At most so many seconds pass between leaving the block and cancelling the last child.
        cancel_grace: At most so many between a cancellation from outside and that; see `Supervisor`.

    Yields:
        The running supervisor, which takes orders from every task.

    Raises:
        StartFailed: A child given here did not start.
        GaveUp: A budget was spent, or a child raised `Escalate` or was classified so.
        ExceptionGroup: The block raised, as with a nursery; or children failed while they were stopped.
        TypeError: Something cannot run, or has the wrong type.
        ValueError: As for `Supervisor`.

    Cancellation:
        The block is cancelled, and the children one after another. An exception in the block does the same.
    """
    supervisor = Supervisor(
        name,
        *children,
        strategy=strategy,
        budget=budget,
        backoff=backoff,
        start_order=start_order,
        exit_when=exit_when,
        max_children=max_children,
        grace=grace,
        cancel_grace=cancel_grace,
    )
    async with hosted(supervisor):
        yield supervisor


@contextlib.asynccontextmanager
async def hosted(supervisor: Supervisor) -> AsyncGenerator[None]:
    """
    Run *supervisor* for as long as a block lasts.
    """
    name = supervisor.name
    verdict: Exception | None = None
    ready = trio.Event()

    async def host() -> None:
        nonlocal verdict
        life = current_life()
        try:
            await supervisor.run(task_status=_Readiness(ready))
        except Exception as exc:  # noqa: BLE001 - raised below, bare
            verdict = exc
        ready.set()
        if verdict is not None or supervisor.has_left:
            nursery.cancel_scope.cancel(reason=f"the supervisor {name} ended")
        elif life is not None and life.asked and not life.attended:
            nursery.cancel_scope.cancel(reason=life.reason)  # The block would not hear of it, and wait for nothing.

    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(host, name=f"{name} supervisor")
            await ready.wait()
            if verdict is None:
                yield
                with contextlib.suppress(SupervisorNotRunning):  # It may have ended before the block did.
                    supervisor.request_stop("its block was left")
    except BaseException as exc:
        if verdict is None:
            raise
        raise BaseExceptionGroup(f"the block of {name} and its children failed", [exc, verdict]) from None
    if verdict is not None:
        raise verdict


@attrs.frozen
class _Readiness:
    """
    A task status that sets an event.
    """

    _event: trio.Event

    def started(self, value: None = None) -> None:
        """
        Set the event.
        """
        del value
        self._event.set()
