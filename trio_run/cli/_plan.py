"""
The tree of a plan: what a supervisor will start, and by which rules, as nodes that can be drawn.

What everybody has is always said: strategy, budget and backoff, restart and grace. Of the rest, what is not as usual.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from .._names import join
from .._tree import Node
from ..supervision._child import Child
from ..supervision._exit_rule import ExitWhen
from ..supervision._handle import Supervisor
from ..supervision._partitions import Partitions
from ..supervision._policy import Backoff, Budget, Restart
from ..supervision._rules import OnGiveUp
from ..supervision._start_order import StartOrder


def plan_of(supervisor: Supervisor, path: str | None = None, grace: float = math.inf) -> Iterator[Node]:
    """
    Yield a node for *supervisor* and for all below it, in start order; *path* is where it stands, *grace* what it is left.
    """
    path = supervisor.name if path is None else path
    yield Node(path=path, rules=tuple(rules_of(supervisor, min(grace, supervisor.grace))))
    for child in supervisor.children:
        below = join(path, child.name)
        if (inner := supervisor_in(child.runner)) is not None:
            top, *rest = plan_of(inner, below, child.grace)
            restart = () if child.restart is Restart.ALWAYS else (f"restart {child.restart.value}",)
            yield Node(path=below, rules=(*top.rules, *restart, *_unusual(child)))
            yield from rest
        else:
            rules = (child.restart.value, f"grace {_seconds(child.grace)}", *_unusual(child))
            yield Node(path=below, rules=rules)


def supervisor_in(runner: object) -> Supervisor | None:
    """
    Return the supervisor that *runner* is, or has for its partitions; None if it is something else.
    """
    if isinstance(runner, Partitions):
        return runner.supervisor
    return runner if isinstance(runner, Supervisor) else None


def rules_of(supervisor: Supervisor, grace: float) -> Iterator[str]:
    """
    Say by which rules *supervisor* keeps its children, and that it has *grace* to stop them.
    """
    yield supervisor.strategy.value
    yield _budget(supervisor.budget)
    yield _backoff(supervisor.backoff)
    if supervisor.start_order is not StartOrder.LISTED:
        yield f"start {supervisor.start_order.value}"
    if supervisor.exit_when is not ExitWhen.NEVER:
        yield f"exit when {supervisor.exit_when.value}"
    if supervisor.max_children < math.inf:
        yield f"at most {supervisor.max_children}"
    if grace < math.inf:
        yield f"grace {_seconds(grace)}"
    if supervisor.cancel_grace:
        yield f"cancel grace {_seconds(supervisor.cancel_grace)}"


def _unusual(child: Child) -> Iterator[str]:
    """
    Say by which rules *child* is kept that most have not.
    """
    rules = child.rules
    if rules.budget is not None:
        yield _budget(rules.budget)
    if rules.on_give_up is not OnGiveUp.ESCALATE:
        yield f"then {rules.on_give_up.value}"
    if rules.backoff is not None:
        yield _backoff(rules.backoff)
    if rules.start_timeout < math.inf:
        yield f"ready in {_seconds(rules.start_timeout)}"
    if rules.beat < math.inf:
        yield f"beat in {_seconds(rules.beat)}"
    if child.probe is not None:
        yield "probe"
    if rules.max_age is not None:
        yield f"age {_seconds(rules.max_age.seconds)}"
    if rules.significant:
        yield "significant"
    if rules.after:
        yield f"after {', '.join(rules.after)}"


def _budget(budget: Budget) -> str:
    if budget.is_endless:
        return "budget without end"
    window = [f"{budget.restarts} in {_seconds(budget.per)}"] if budget.restarts < math.inf else []
    row = [f"{budget.in_a_row} in a row"] if budget.in_a_row < math.inf else []
    return f"budget {', '.join(window + row)}"


def _backoff(backoff: Backoff) -> str:
    return f"backoff {_number(backoff.first)} to {_seconds(backoff.max)}"


def _seconds(seconds: float) -> str:
    return f"{_number(seconds)} s" if seconds < math.inf else "without end"


def _number(number: float) -> str:
    return f"{number:g}"
