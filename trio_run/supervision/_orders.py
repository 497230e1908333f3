"""
Orders to a running supervisor that wait until they are carried out.

An order changes what is wanted at once, and then waits until it is so. That the supervisor runs was checked before; what
follows from an order is for the core.

Laws: cancelling who waits does not undo the order. Who would wait for itself is told so.
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable
from typing import Any

import trio

from .._handle import Handle, State, make_handle, settle, wait_started
from .._names import is_within, join
from .._stopping import current_life
from ..errors import JobCancelled, StartFailed, WouldDeadlock
from ._child import Child
from ._core import Core
from ._seat import Seat
from ._shell import Shell
from ._slot import Admission, Phase


async def start(shell: Shell, child: Child) -> Handle[Any]:
    """
    Take in *child*, and wait until it is ready.
    """
    seat = shell.admit(child, Admission.CALL, contextvars.copy_context())
    handle = seat.open_handle()
    await wait_started(handle)
    _raise_if_lost(seat, handle)
    return handle


async def bring_down(shell: Shell, name: str, order: Callable[[Core, str, float, str], None], reason: str) -> None:
    """
    Give an *order* that takes a child down, and wait until the life that it meant is over.

    Another order may have given it a new one by then.
    """
    _check_deadlock(shell, name)
    slot, seat = shell.core.slot(name), shell.seats[name]
    life = slot.life
    order(shell.core, name, trio.current_time(), reason)
    seat.rest(slot)
    shell.wake()
    if slot.phase is Phase.DOWN:
        await trio.lowlevel.cancel_shielded_checkpoint()
    while slot.phase is not Phase.DOWN and slot.life == life:
        await seat.change()


async def restart(shell: Shell, name: str) -> Handle[Any]:
    """
    Give a child a new life, and wait until it is ready or rests.
    """
    _check_deadlock(shell, name)
    slot, seat = shell.core.slot(name), shell.seats[name]
    before, handle = slot.life, seat.open_handle()
    shell.core.restart_child(name, trio.current_time(), "restarted by request")
    shell.wake()
    while slot.life == before or not slot.is_settled:
        if handle.done:
            break
        await seat.change()
    _raise_if_lost(seat, handle)
    return handle


def turned_away(path: str) -> Handle[Any]:
    """
    Return the handle of something that was cancelled before it began, since all around it was.
    """
    handle = make_handle(path, lambda _reason: None)
    settle(handle, State.CANCELLED, reason="cancelled from outside")
    return handle


def _check_deadlock(shell: Shell, name: str) -> None:
    """
    Raise WouldDeadlock if the caller is the child *name*, or lives below it.
    """
    life = current_life()
    path = join(shell.core.path, name)
    if life is not None and is_within(life.path, path):
        raise WouldDeadlock(path, life.path)


def _raise_if_lost(seat: Seat, handle: Handle[Any]) -> None:
    """
    Raise StartFailed if the child came to rest before it was ready.
    """
    if handle.lost:
        raise StartFailed(seat.path) from (handle.error or JobCancelled(seat.path, "it was stopped while it started"))
