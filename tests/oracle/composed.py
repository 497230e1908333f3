"""
Supervision by composition: another design than that of the core, to play against it.

Two combinators carry everything. `keep` runs a body again after a failure. `stack` starts bodies in order, each once the one
before is ready, and ends them in reverse, because each stands inside the nursery of the one before. A strategy is nothing but
the place where `keep` goes. There are no phases, no inbox and no list of children; what cannot be composed (orders, stops by
request, graces) is not here.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from typing import Any

import attrs
import trio

import trio_run as tr
from trio_run.supervision._policy import Ledger

Body = Callable[..., Awaitable[None]]


class OutOfBudgetError(Exception):
    """
    The whole has to end.
    """


class ChildError(Exception):
    """
    A child ended, and has to come back.
    """

    def __init__(self, child: tr.Child) -> None:
        super().__init__(child.name)
        self.child = child


@attrs.define
class Once:
    """
    A task status that passes on the first call of many lives.
    """

    status: Any

    def started(self, value: object = None) -> None:
        """
        Pass it on, once.
        """
        status, self.status = self.status, None
        if status is not None:
            status.started(value)


@attrs.define
class Rules:
    """
    When to come back, and when to end.
    """

    ledger: Ledger
    backoff: tr.Backoff
    failures: dict[str, int] = attrs.field(factory=dict)
    own: dict[str, Ledger] = attrs.field(factory=dict)
    over: bool = False
    """Whether all have to go: whoever ends by itself before its turn comes does not come back."""

    limits: set[trio.CancelScope] = attrs.field(factory=set)
    """Of those that are starting."""

    async def after(self, child: tr.Child) -> None:
        """
        Wait before the next life, or end it all.
        """
        name, rules = child.name, child.rules
        self.failures[name] = self.failures.get(name, 0) + 1
        own = self.own.setdefault(name, Ledger(rules.budget or tr.Budget(restarts=math.inf)))
        now, row = trio.current_time(), self.failures[name]
        if not own.enter(now, name, row) or not self.ledger.enter(now, name, row):
            self.over = True
            for limit in self.limits:  # Whoever is late goes in its turn now, like all others.
                limit.deadline = math.inf
            raise OutOfBudgetError(name)
        await trio.sleep((rules.backoff or self.backoff).delay(self.failures[name], 0.0))


def leaf(child: tr.Child, rules: Rules) -> Body:
    """
    Turn the restart rule of *child* into returning or raising.
    """
    done = False

    async def run_leaf(*, task_status: Any) -> None:
        nonlocal done
        once = Once(task_status)
        while not done and not rules.over:
            done = child.restart is tr.Restart.NEVER
            try:
                await in_time(child, once, rules)
            except tr.Done:
                done = True
            except tr.RestartAfter as again:
                if not done:
                    await trio.sleep(again.delay)
            except Exception as exc:
                if child.restart is not tr.Restart.NEVER:
                    raise ChildError(child) from exc
            else:
                if child.restart is tr.Restart.ALWAYS:
                    raise ChildError(child)
                done = True
        once.started()

    return run_leaf


async def in_time(child: tr.Child, once: Once, rules: Rules) -> None:
    """
    Run one life of *child*, and end it if it is not ready in time.

    Raises:
        TimeoutError: It was not.
    """
    with trio.move_on_after(child.rules.start_timeout) as limit:

        class InTime:
            def started(self, value: object = None) -> None:
                limit.deadline = math.inf
                once.started(value)

        rules.limits.add(limit)
        try:
            await child.recipe.begin(InTime())  # type: ignore[arg-type]
        finally:
            rules.limits.remove(limit)
    if limit.cancelled_caught:
        raise TimeoutError


def keep(body: Body, rules: Rules) -> Body:
    """
    Run *body* until it returns; after a failure, wait and go again.
    """

    async def run_kept(*, task_status: Any) -> None:
        once = Once(task_status)
        while not rules.over:
            culprits: list[tr.Child] = []
            try:
                await body(task_status=once)
            except* ChildError as group:
                culprits = [error.child for error in leaves(group) if isinstance(error, ChildError)]
            if not culprits or rules.over:
                return
            await rules.after(min(culprits, key=lambda child: child.name))

    return run_kept


def stack(*bodies: Body) -> Body:
    """
    Start *bodies* in order and end them in reverse.
    """

    async def run_stack(*, task_status: Any) -> None:
        if not bodies:
            task_status.started()
            return
        first, *rest = bodies
        scope = trio.CancelScope()

        async def host(*, task_status: Any) -> None:
            with scope:
                await first(task_status=task_status)

        async with trio.open_nursery() as nursery:
            await nursery.start(host)
            scope.shield = True
            try:
                await stack(*rest)(task_status=task_status)
            finally:
                scope.shield = False

    return run_stack


def leaves(exc: BaseException) -> list[BaseException]:
    """
    The exceptions in *exc* that are no groups.
    """
    if isinstance(exc, BaseExceptionGroup):
        return [leaf for inner in exc.exceptions for leaf in leaves(inner)]
    return [exc]


def one_for_one(children: list[Body], again: Callable[[Body], Body]) -> Body:
    """
    Each child is kept by itself.
    """
    return stack(*(again(child) for child in children))


def one_for_all(children: list[Body], again: Callable[[Body], Body]) -> Body:
    """
    All children are kept together.
    """
    return again(stack(*children))


def rest_for_one(children: list[Body], again: Callable[[Body], Body]) -> Body:
    """
    Each child is kept together with those after it.
    """
    return again(stack(children[0], rest_for_one(children[1:], again))) if children else stack()


SHAPES = {
    tr.Strategy.ONE_FOR_ONE: one_for_one,
    tr.Strategy.ONE_FOR_ALL: one_for_all,
    tr.Strategy.REST_FOR_ONE: rest_for_one,
}


async def supervise(plan: tr.Supervisor) -> None:
    """
    Run the children of *plan* by its rules, without any of the machinery of a supervisor.

    Raises:
        ExceptionGroup: Of an `OutOfBudgetError`, somewhere inside.
    """
    rules = Rules(Ledger(plan.budget), plan.backoff)
    shape = SHAPES[plan.strategy]
    await shape([leaf(child, rules) for child in plan.children], lambda body: keep(body, rules))(
        task_status=trio.TASK_STATUS_IGNORED
    )
