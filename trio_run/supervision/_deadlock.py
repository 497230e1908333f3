"""
Who would wait for a child that comes up only after itself.

Law: a call that cannot return is refused before anything is ordered.
"""

from __future__ import annotations

from collections.abc import Iterator

import trio

from .._pool._waiters import caller_name
from .._stopping import current_life
from ..errors import StartWouldDeadlock
from ._line import Line
from ._order import Order
from ._shell import Shell
from ._slot import Phase, Slot


def check_not_first(shell: Shell, slot: Slot | None, path: str) -> None:
    """
    Raise StartWouldDeadlock if the child of *slot* cannot be ready before the caller is.

    Args:
        shell: Where the child is to come up.
        slot: What is known of it; None for one that is not taken in yet.
        path: The child.
    """
    order = shell.core.order
    for where, first in _starting():
        if where is shell and (first is slot or _comes_after(order, first, slot)):
            raise StartWouldDeadlock(path, caller_name())


def check_line(shell: Shell) -> None:
    """
    Raise StartWouldDeadlock if what comes up in its turn has to wait for the caller.
    """
    for where, first in _starting():
        if where is shell and shell.core.order.is_lined(first):
            raise StartWouldDeadlock(shell.core.path, caller_name())


def _comes_after(order: Order, first: Slot, slot: Slot | None) -> bool:
    """
    Tell whether *slot*, or a child that is not taken in yet, cannot come up before *first* is ready.
    """
    if slot is None:
        return order.grouped and isinstance(order, Line)  # In a web it is on its own.
    return order.is_lined(slot) and order.waits_for(slot, first)


def _starting() -> Iterator[tuple[Shell, Slot]]:
    """
    Yield the children, from the inside out, that cannot be ready before the current call returns.
    """
    life, task = current_life(), trio.lowlevel.current_task()
    while life is not None and isinstance(life.owner, Shell):
        shell, name = life.owner, life.path.rpartition("/")[2]
        seat, slot = shell.seats.get(name), shell.core.slots.get(name)
        if seat is None or slot is None or seat.task is not task or slot.phase is not Phase.STARTING:
            return
        yield shell, slot
        if shell.core.order.booted or shell.task is None:
            return
        life, task = shell.above, shell.task
