"""
Orders that change what a supervisor keeps: another child in the place of one, or another set of children.

Everything is checked before anything is changed, and ordered at once; then comes the waiting.

Law: cancelling who waits does not leave half of it undone.
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import trio

from .._handle import Handle
from ..errors import DuplicateChild, StartFailed, TooManyChildren
from ._changes import Changes, changes_between, in_plans, replace_child, take_down
from ._child import Child, in_turn
from ._deadlock import check_line, check_not_first
from ._orders import gone, place, risen
from ._seat import Seat
from ._shell import Shell
from ._slot import Admission, Slot


async def replace(shell: Shell, child: Child) -> Handle[Any]:
    """
    Put *child* in the place of the one that has its name, and wait until it is ready.
    """
    slot, seat = place(shell, child.name)
    seat.guard()
    check_not_first(shell, slot, seat.path)
    shell.core.check(child.name, child.rules)
    shell.core.check_after(child.name, child.rules)
    coming = _Coming(slot, seat, slot.life, seat.open_handle())
    replace_child(shell.core, child.name, child.rules, trio.current_time())
    seat.child, seat.context = child, contextvars.copy_context()
    shell.act()
    return await risen(shell, *coming)


async def reconfigure(shell: Shell, plan: Mapping[str, Child], alike: Callable[[Child, Child], bool]) -> Changes:
    """
    Have the children be those of *plan*, and wait until they are.
    """
    plan = in_turn(plan)
    old = in_plans(shell.core)
    changes = changes_between(
        old, plan, lambda name: not old[name].leaving and alike(shell.seats[name].child, plan[name])
    )
    _check(shell, plan, changes)
    context, now = contextvars.copy_context(), trio.current_time()
    down = [place(shell, name) for name in changes.stopped]
    lives = [slot.life for slot, _seat in down]
    up: list[_Coming] = []
    for name in changes.replaced:
        slot, seat = place(shell, name)
        up.append(_Coming(slot, seat, slot.life, seat.open_handle()))
        seat.child, seat.context = plan[name], context
    take_down(shell.core, changes, {name: plan[name].rules for name in changes.replaced}, now)
    for name in changes.started:
        seat = shell.admit(plan[name], Admission.PLAN, context)
        up.append(_Coming(shell.core.slots[name], seat, 0, seat.open_handle()))
    shell.core.order.rearrange(plan)
    shell.act()
    for (slot, seat), life in zip(down, lives, strict=True):
        await gone(shell, slot, seat, life)
    await _all_up(shell, up)
    return changes


class _Coming(NamedTuple):
    """
    A child that is to come up.
    """

    slot: Slot
    seat: Seat
    before: int
    """The life that it had when it was ordered."""

    handle: Handle[Any]


def _check(shell: Shell, plan: Mapping[str, Child], changes: Changes) -> None:
    """
    Raise if *changes* cannot be carried out.
    """
    if len(plan) > shell.core.max_children:
        raise TooManyChildren(shell.core.path, shell.core.max_children)
    for name in (*changes.started, *changes.replaced):
        shell.core.check(name, plan[name].rules)
    for name in changes.started:
        if name in shell.core.slots:
            raise DuplicateChild(shell.seats[name].path, shell.core.slots[name].phase.value)
    for name in (*changes.stopped, *changes.replaced):
        shell.seats[name].guard()
    if changes.started or changes.replaced:
        check_line(shell)


async def _all_up(shell: Shell, coming: list[_Coming]) -> None:
    await trio.lowlevel.checkpoint()
    failed: list[Exception] = []
    for each in coming:
        try:
            await risen(shell, *each)
        except StartFailed as exc:
            failed.append(exc)
    if failed:
        raise ExceptionGroup(f"{len(failed)} new children of {shell.core.path} did not start", failed)
