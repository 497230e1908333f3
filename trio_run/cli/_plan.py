"""
The tree of a plan: what a supervisor will start, and by which rules, as nodes that can be drawn.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from .._names import join
from .._tree import Node
from ..supervision._child import Child
from ..supervision._handle import Supervisor
from ..supervision._policy import Restart


def plan_of(supervisor: Supervisor, path: str | None = None) -> Iterator[Node]:
    """
    Yield a node for *supervisor* and for all below it, in start order; *path* is where it stands.
    """
    path = supervisor.name if path is None else path
    yield Node(path=path, rules=rules_of(supervisor))
    for child in supervisor.children:
        below = join(path, child.name)
        if isinstance(child.runner, Supervisor):
            top, *rest = plan_of(child.runner, below)
            yield Node(path=below, rules=(*top.rules, *_own_rules(child)))
            yield from rest
        else:
            yield Node(path=below, rules=(child.restart.value, f"grace {_seconds(child.grace)}"))


def rules_of(supervisor: Supervisor) -> tuple[str, ...]:
    """
    Say by which rules *supervisor* keeps its children.
    """
    budget, backoff = supervisor.budget, supervisor.backoff
    rules = [
        supervisor.strategy.value,
        f"budget {budget.restarts} in {_seconds(budget.per)}",
        *([f"{budget.in_a_row} in a row"] if budget.in_a_row < math.inf else []),
        f"backoff {_number(backoff.first)} to {_seconds(backoff.max)}",
    ]
    if supervisor.grace < math.inf:
        rules.append(f"grace {_seconds(supervisor.grace)}")
    return tuple(rules)


def _own_rules(child: Child) -> Iterator[str]:
    """
    Say how a supervisor is kept itself, where that is not as usual.
    """
    if child.restart is not Restart.ALWAYS:
        yield f"restart {child.restart.value}"


def _seconds(seconds: float) -> str:
    return f"{_number(seconds)} s" if seconds < math.inf else "without end"


def _number(number: float) -> str:
    return f"{number:g}"
