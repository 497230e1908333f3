"""
What users hold: the supervisor.

A `Supervisor` is a plan that can be nested, checked, printed and run, again and again; while it runs it takes the calls of
`_calls`. What they lead to is for the core.

Law: nothing outlives the run.
"""

from __future__ import annotations

import contextvars
import math
import random
from typing import cast, final

import attrs
import trio

from .._names import checked, join
from .._sinks import current_stream
from .._stopping import Life, current_life
from ._calls import Calls, check_names
from ._child import Child, as_child, in_turn
from ._core import Core
from ._exit_rule import ExitRule, ExitWhen, check_significant
from ._exits import StopReport
from ._fence import run_fenced
from ._policy import Backoff, Budget, Ledger, Strategy, check_count, check_number, check_reachable
from ._portal import FromThread
from ._report import Report
from ._restarts import Restarts
from ._rules import check_fit
from ._shell import Shell
from ._slot import Admission, End
from ._standing import standing
from ._start_order import StartOrder


@final
@attrs.define(eq=False, init=False, repr=False)
class Supervisor(Calls):
    """
    Children that are kept running, and the rules they are kept by.

    Children start in order, each once the one before is ready, and stop in reverse. A child that ends is started again as its
    ``restart`` says; who goes down with it is up to the *strategy*; how often that is forgiven, to the *budget*. When the
    budget is spent all children are stopped and `run` raises `GaveUp`, which for a supervisor above is a failure like any
    other.

    A supervisor is a runner: run it, nest it as a child of another, or give it to ``trio-run run``. It can be run any number
    of times, but only once at a time, and each run starts with the children given here. While it runs it takes orders from
    every task; other threads ask through its `from_thread`.

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
        start_order: Whether the children that it starts with come up one after another, as listed, or side by side; in any
            case none before those in its *after*. They stop in the reverse of that order.
        exit_when: Whether the supervisor ends once children have ended: the first, those that are *significant*, or all. Its
            `run` then returns as if it had been asked to stop. From OTP, where it is auto_shutdown.
        max_children: How many children there may be at once, those that wait for a restart or are down included. One more is
            refused with `TooManyChildren`.
        grace: At most so many seconds pass between a request to stop this supervisor and the moment that the last child is
            cancelled. Each child has its own grace, within this one. The default sets no bound.
        cancel_grace: At most so many seconds are left to the children when the supervisor is cancelled from outside. Only for
            one that is below no other: there the time is over when the cancellation comes.

    Raises:
        TypeError: Something is not a runner, or has the wrong type.
        ValueError: A name stands twice, a number is out of range, or the budget could never be spent.
    """

    name: str
    plan: tuple[Child, ...]
    """What each run starts with."""

    strategy: Strategy
    budget: Budget
    backoff: Backoff
    start_order: StartOrder
    exit_when: ExitWhen
    max_children: float = attrs.field(validator=check_count)
    grace: float = attrs.field(validator=check_number)
    cancel_grace: float = attrs.field(validator=check_number)
    _shell: Shell | None = None
    _last: Shell | None = None

    def __init__(
        self,
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
    ) -> None:
        budget, backoff = budget or Budget(), backoff or Backoff()
        _check_rules(name, budget, backoff)
        self.name = checked(name, "a supervisor")
        self.plan = tuple(map(as_child, children))
        self.strategy, self.budget, self.backoff = Strategy(strategy), budget, backoff
        self.start_order = StartOrder(start_order)
        self.max_children = max_children
        self.exit_when, self.grace, self.cancel_grace = ExitWhen(exit_when), grace, cancel_grace
        if cancel_grace == math.inf:
            raise ValueError(
                f"Supervisor {name!r} has cancel_grace={cancel_grace!r}: who cancels has to see an end of it."
            )
        self._shell = self._last = None
        check_names(name, self.plan)
        if len(self.plan) > max_children:
            raise ValueError(f"Supervisor {name!r} has {len(self.plan)} children, and max_children={max_children!r}.")
        self.plan = tuple(in_turn({child.name: child for child in self.plan}).values())
        for child in self.plan:
            check_fit(child.name, child.rules, budget, backoff)
            check_significant(child.name, child.rules, self.exit_when)

    def __repr__(self) -> str:
        return f"<Supervisor {self.name} {self.strategy.value}, {len(self.plan)} children>"

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> StopReport:
        """
        Start the children in order, and keep them as the rules say until asked to stop, or until *exit_when* says so.

        Ready when all the children it starts with are. As a child, or under ``trio-run run``, it stops when it is asked to;
        see also `request_stop`.

        Returns:
            How each child ended, once all are gone.

        Raises:
            StartFailed: A child did not start; the others were stopped again. The ``__cause__`` is the child's error.
            GaveUp: A budget was spent, or a child raised `Escalate` or was classified so. A group of the errors that led to
                it.
            ExceptionGroup: Children failed while they were stopped.
            BaseExceptionGroup: A child raised KeyboardInterrupt, SystemExit or the like; all others were stopped at once.
            RuntimeError: It is running already.

        Cancellation:
            The children are cancelled one after another, the last started first; the run ends when all are gone. With a
            *cancel_grace* those that listen are asked before.
        """
        if self._shell is not None:
            raise RuntimeError(f"The supervisor {self.name} is running already. Make a second one to run it twice.")
        shell = self._shell = self._last = _shell_for(self, task_status)
        try:
            with standing(shell):
                await run_fenced(shell, self.grace, self.cancel_grace if shell.above is None else 0.0)
        finally:
            self._shell = None
        return cast("StopReport", shell.stop_report)  # A run that leaves none has raised.

    @property
    def has_left(self) -> bool:
        """
        Whether its last run ended because its children did, as *exit_when* says.
        """
        return self._last is not None and self._last.core.end is End.CHILDREN_ENDED

    @property
    def rules(self) -> tuple[object, ...]:
        """
        All there is to it but the children: its name, its strategy and so on.
        """
        return tuple(
            getattr(self, field.name)
            for field in attrs.fields(Supervisor)
            if field.name not in {"plan", "_shell", "_last"}
        )

    @property
    def from_thread(self) -> FromThread:
        """
        The same calls for other threads, where each blocks until it is carried out.
        """
        return FromThread(self)


def _check_rules(name: str, budget: object, backoff: object) -> None:
    if not isinstance(budget, Budget):
        raise TypeError(f"The budget of the supervisor {name!r} is a Budget(...), not {budget!r}.")
    if not isinstance(backoff, Backoff):
        raise TypeError(f"The backoff of the supervisor {name!r} is a Backoff(...), not {backoff!r}.")
    check_reachable(budget, backoff)


def _shell_for(plan: Supervisor, task_status: trio.TaskStatus[None]) -> Shell:
    """
    Return a shell that is about to run *plan*.
    """
    life = current_life()
    path, number = _own_path(plan, life)
    now = trio.current_time()
    restarts = Restarts(plan.strategy, plan.backoff, Ledger(plan.budget), random.random, now, plan.start_order)
    core = Core(path, restarts, ExitRule(plan.exit_when), plan.max_children)
    cause = 0 if life is None else life.cause
    report = Report(current_stream(), path, number, plan.budget, now, cause)
    shell = Shell(core, report, task_status, above=life)
    shell.report.starting(plan.strategy.value, tuple(child.name for child in plan.plan))
    context = contextvars.copy_context()
    for child in plan.plan:
        shell.admit(child, Admission.BOOT, context)
    return shell


def _own_path(supervisor: Supervisor, life: Life | None) -> tuple[str, int]:
    """
    Return the path of *supervisor* when it runs in *life*, and the number of its own life.
    """
    if life is None:
        return supervisor.name, 1
    if getattr(life.runner, "supervisor", life.runner) is supervisor:  # What wraps one stands in its place.
        return life.path, life.number
    return join(life.path, supervisor.name), 1
