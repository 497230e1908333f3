"""
What users hold: the supervisor.

A `Supervisor` is a plan that can be nested, checked, printed and run, again and again; while it runs it takes orders. This
file checks who may ask what, and waits where waiting was asked for. What an order leads to is for the core.

Laws: an order that cannot be carried out raises. Cancelling who waits for an order does not undo the order. Nothing outlives
the run.
"""

from __future__ import annotations

import contextvars
import math
import random
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, TypeVarTuple, Unpack, final, overload

import attrs
import trio

from .._handle import Handle
from .._names import checked, join, name_of
from .._sinks import current_stream
from .._stopping import Life, current_life
from ..errors import SupervisorNotRunning
from ._child import Child, as_child
from ._core import Core
from ._fence import run_fenced
from ._orders import bring_down, restart, start, turned_away
from ._policy import Backoff, Budget, Ledger, Restart, Strategy, check_number, check_reachable
from ._report import Report
from ._restarts import Restarts
from ._shell import Shell
from ._slot import Admission

T = TypeVar("T")
PosArgsT = TypeVarTuple("PosArgsT")


@attrs.frozen
class ChildStatus:
    """
    What a supervisor says of one child: a picture of one moment.
    """

    name: str
    """Its name within the supervisor."""

    phase: str
    """``down``, ``starting``, ``up``, ``stopping`` or ``killing``."""

    wanted: bool
    """Whether it is to be up."""

    life: int
    """How many lives it has had, the present one included."""

    failures: int
    """Failures in a row, without a stable life between."""


@final
@attrs.define(eq=False, init=False, repr=False)
class Supervisor:
    """
    Children that are kept running, and the rules they are kept by.

    Children start in order, each once the one before is ready, and stop in reverse. A child that ends is started again as its
    ``restart`` says; who goes down with it is up to the *strategy*; how often that is forgiven, to the *budget*. When the
    budget is spent all children are stopped and `run` raises `GaveUp`, which for a supervisor above is a failure like any
    other.

    A supervisor is a runner: run it, nest it as a child of another, or give it to ``trio-run run``. It can be run any number
    of times, but only once at a time, and each run starts with the children given here. While it runs it takes orders from
    every task; calls from other threads go through `trio.from_thread`.

    It is shaped like a nursery. ``start_soon(fn, *args)`` and ``start(fn, *args)`` run a function once, and a failure of it
    is reported and leaves its siblings alone; so a supervisor can be a ``handler_nursery``. Give them a `Child` to have it
    kept.

    The strategies, and the budget as a sliding window, are those of OTP's ``supervisor``.

    Args:
        name: What logs and trees call it; unique among its siblings.
        *children: What to start with, in order: children, other supervisors, or plain runners.
        strategy: Which siblings go down with a child that ended; the member or its string.
        budget: How many restarts are forgiven.
        backoff: How long to wait before a restart.
        grace: At most so many seconds pass between a request to stop this supervisor and the moment that the last child is
            cancelled. Each child has its own grace, within this one. The default sets no bound.

    Raises:
        TypeError: Something is not a runner, or has the wrong type.
        ValueError: A name stands twice, a number is out of range, or the budget could never be spent.
    """

    name: str
    children: tuple[Child, ...]
    strategy: Strategy
    budget: Budget
    backoff: Backoff
    grace: float = attrs.field(validator=check_number)
    _shell: Shell | None = None
    _last: Shell | None = None  # The same, kept when the run is over.

    def __init__(
        self,
        name: str,
        *children: object,
        strategy: Strategy | str = Strategy.ONE_FOR_ONE,
        budget: Budget | None = None,
        backoff: Backoff | None = None,
        grace: float = math.inf,
    ) -> None:
        budget, backoff = budget or Budget(), backoff or Backoff()
        _check_rules(name, budget, backoff)
        self.name = checked(name, "a supervisor")
        self.children = tuple(map(as_child, children))
        self.strategy, self.budget, self.backoff = Strategy(strategy), budget, backoff
        self.grace = grace
        self._shell = self._last = None
        _check_names(name, self.children)

    def __repr__(self) -> str:
        return f"<Supervisor {self.name} {self.strategy.value}, {len(self.children)} children>"

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """
        Start the children in order, and keep them as the rules say until asked to stop.

        Ready when all the children it starts with are. As a child, or under ``trio-run run``, it stops when it is asked to;
        see also `request_stop`.

        Raises:
            StartFailed: A child did not start; the others were stopped again. The ``__cause__`` is the child's error.
            GaveUp: The budget was spent. A group of the errors that led to it.
            ExceptionGroup: Children failed while they were stopped.
            BaseExceptionGroup: A child raised KeyboardInterrupt, SystemExit or the like; all others were stopped at once.
            RuntimeError: It is running already.

        Cancellation:
            The children are cancelled one after another, the last started first; the run ends when all are gone.
        """
        if self._shell is not None:
            raise RuntimeError(f"The supervisor {self.name} is running already. Make a second one to run it twice.")
        shell = self._shell = self._last = _shell_for(self, task_status)
        try:
            await run_fenced(shell, self.grace)
        finally:
            self._shell = None

    # Orders.

    def request_stop(self, reason: str = "asked to stop") -> None:
        """
        Ask the whole supervisor to stop. Returns at once; `run` ends when all children are gone.

        Asking again changes nothing. Safe from every task, also from its own children.

        Args:
            reason: Why, for logs and for ``trio.Cancelled.reason``.

        Raises:
            SupervisorNotRunning: It is not running.
        """
        if self._shell is None:
            raise SupervisorNotRunning(self.name, "not running")
        self._shell.stop(trio.current_time() + self.grace, reason)

    @overload
    def start_soon(self, runner: Child | Supervisor) -> Handle[Any]: ...

    @overload
    def start_soon(
        self, runner: Callable[[Unpack[PosArgsT]], Awaitable[T]], *args: *PosArgsT, name: str | None = None
    ) -> Handle[T]: ...

    def start_soon(self, runner: Any, *args: Any, name: str | None = None) -> Handle[Any]:  # type: ignore[misc]  # mypy does not see that *args takes a TypeVarTuple
        """
        Have a child started, without waiting for it.

        Its lives begin in a copy of the context variables of this moment. If the supervisor was cancelled from outside just
        now, as the caller will find at its next checkpoint, the child is cancelled before it begins.

        Args:
            runner: A `Child` or `Supervisor`, which is kept by its rules; or a function, which runs once.
            *args: Arguments for a function.
            name: What to call a function; a number is added if the name is taken.

        Returns:
            The handle, whose outcome is that of the last life.

        Raises:
            DuplicateChild: The name of the `Child` is taken.
            SupervisorNotRunning: It does not run, or is stopping.
            TypeError: *runner* cannot run, or *args* do not fit it.
        """
        if self._last is not None and self._last.cancelled:
            return turned_away(join(self._last.core.path, _child_for(self._last, runner, args, name).name))
        shell = _running(self._shell, self.name)
        seat = shell.admit(_child_for(shell, runner, args, name), Admission.QUEUE, contextvars.copy_context())
        return seat.open_handle()

    @overload
    async def start(self, runner: Child | Supervisor) -> Handle[Any]: ...

    @overload
    async def start(self, runner: Callable[..., Awaitable[object]], *args: object, name: str | None = None) -> Any: ...  # noqa: ANN401 - as in trio.Nursery.start

    async def start(self, runner: Any, *args: Any, name: str | None = None) -> Any:
        """
        Start a child and wait until it is ready.

        Args:
            runner: A `Child` or `Supervisor`, which is kept by its rules; or a function, which runs once.
            *args: Arguments for a function.
            name: What to call a function; a number is added if the name is taken.

        Returns:
            For a `Child` or `Supervisor`, the handle. For a function, as `trio.Nursery.start` does, what it gave to
            ``task_status.started()``.

        Raises:
            StartFailed: It ended before it was ready, and is not kept. The ``__cause__`` is its error.
            DuplicateChild: The name of the `Child` is taken.
            SupervisorNotRunning: It does not run, or is stopping.
            TypeError: *runner* cannot run, or *args* do not fit it.

        Cancellation:
            Ends the wait only. The child goes on starting; stop it by name if it is not wanted.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        shell = _running(self._shell, self.name)
        handle = await start(shell, _child_for(shell, runner, args, name))
        return handle if isinstance(runner, Child | Supervisor) else handle.ready_value

    async def stop(self, name: str) -> None:
        """
        Stop a child and keep it down, whatever its siblings do. A child that is down already stays so.

        Returns when the life that it meant is over. If somebody restarts the child meanwhile, the last order counts.

        Raises:
            ChildNotFound: There is no such child.
            SupervisorNotRunning: The supervisor does not run, or is stopping.
            WouldDeadlock: The caller is that child, or lives below it.

        Cancellation:
            Ends the wait only; the child is stopped all the same.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        await bring_down(_running(self._shell, self.name), name, Core.stop_child, "stopped by request")

    async def remove(self, name: str) -> None:
        """
        Stop a child as `stop` does, and forget it; then the name is free again.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        await bring_down(_running(self._shell, self.name), name, Core.remove_child, "removed by request")

    async def restart(self, name: str) -> Handle[Any]:
        """
        Give a child a new life, whether it is up, waits for a restart, or rests; wait until it is ready.

        This never counts against the budget, and starts the row of its delays anew. Returns the handle of the child.

        Raises:
            ChildNotFound: There is no such child.
            StartFailed: It came to rest without being ready. The ``__cause__`` is its error.
            SupervisorNotRunning: The supervisor does not run, or is stopping.
            WouldDeadlock: The caller is that child, or lives below it.

        Cancellation:
            Ends the wait only; the child is restarted all the same.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        return await restart(_running(self._shell, self.name), name)

    @property
    def path(self) -> str:
        """
        Where it stands in the tree, or stood last, as in ``shop/workers``; its name before the first run.
        """
        return self.name if self._last is None else self._last.core.path

    def statistics(self) -> tuple[ChildStatus, ...]:
        """
        Return what the children are doing, in start order; nothing if it does not run.
        """
        if self._shell is None:
            return ()
        slots = self._shell.core.slots.values()
        return tuple(ChildStatus(s.name, s.phase.value, s.wanted, s.life, s.failures) for s in slots)


def _check_rules(name: str, budget: object, backoff: object) -> None:
    if not isinstance(budget, Budget) or not isinstance(backoff, Backoff):
        raise TypeError(f"Supervisor {name!r} takes a Budget and a Backoff, not {budget!r} and {backoff!r}.")
    check_reachable(budget, backoff)


def _check_names(name: str, children: tuple[Child, ...]) -> None:
    seen: set[str] = set()
    for child in children:
        if child.name in seen:
            raise ValueError(f"Supervisor {name!r} has two children called {child.name!r}: give one another name=.")
        seen.add(child.name)


def _running(shell: Shell | None, name: str) -> Shell:
    """
    Return *shell* if it takes orders.
    """
    if shell is None:
        raise SupervisorNotRunning(name, "not running")
    if shell.core.stopping:
        raise SupervisorNotRunning(shell.core.path, "stopping")
    return shell


def _child_for(shell: Shell, runner: object, args: tuple[object, ...], name: str | None) -> Child:
    """
    Return the child that a nursery-shaped call asks for.
    """
    if isinstance(runner, Child | Supervisor):
        if args or name is not None:
            raise TypeError(f"A {type(runner).__name__} brings its arguments and its name along; give them to it.")
        return as_child(runner)
    free = shell.free_name(name_of(runner) if name is None else name)
    return Child(runner, *args, name=free, restart=Restart.NEVER)


def _shell_for(plan: Supervisor, task_status: trio.TaskStatus[None]) -> Shell:
    """
    Return a shell that is about to run *plan*.
    """
    life = current_life()
    path, number = _own_path(plan, life)
    now = trio.current_time()
    core = Core(path, Restarts(plan.strategy, plan.backoff, Ledger(plan.budget), random.random, now))
    cause = 0 if life is None else life.cause
    shell = Shell(core, Report(current_stream(), path, number, plan.budget, now, cause), task_status)
    shell.report.starting(plan.strategy.value, tuple(child.name for child in plan.children))
    context = contextvars.copy_context()
    for child in plan.children:
        shell.admit(child, Admission.BOOT, context)
    return shell


def _own_path(supervisor: Supervisor, life: Life | None) -> tuple[str, int]:
    """
    Return the path of *supervisor* when it runs in *life*, and the number of its own life.
    """
    if life is None:
        return supervisor.name, 1
    if life.runner is supervisor:
        return life.path, life.number
    return join(life.path, supervisor.name), 1
