"""
Orders to a running supervisor that wait until they are carried out.

An order changes what is wanted at once, and then waits until it is so. That the supervisor runs was checked before; what
follows from an order is for the core.

Laws: cancelling who waits does not undo the order. Who would wait for itself is told so. A run that is over ends every wait.
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable
from typing import Any

import trio

from .._handle import Handle, State, is_started, make_handle, settle, wait_until
from .._names import join
from ..errors import ChildDown, JobCancelled, StartFailed, SupervisorStopped, SupervisorStopping
from ._child import Child
from ._core import Core
from ._deadlock import check_not_first
from ._exits import ChildExit
from ._seat import Seat
from ._shell import Shell
from ._slot import Admission, Phase, Slot


async def start(shell: Shell, child: Child) -> Handle[Any]:
    """
    Take in *child*, and wait until it is ready.
    """
    check_not_first(shell, None, join(shell.core.path, child.name))
    seat = shell.admit(child, Admission.CALL, contextvars.copy_context())
    handle = seat.open_handle()
    shell.act()
    await wait_until(handle, is_started)
    _raise_if_lost(shell, seat, handle)
    return handle


async def bring_down(shell: Shell, name: str, order: Callable[[Core, str, float, str], None], reason: str) -> ChildExit:
    """
    Give an *order* that takes a child down, and wait until the life that it meant is over.

    Another order may have given it a new one by then.
    """
    slot, seat = place(shell, name)
    seat.guard()
    life = slot.life
    order(shell.core, name, trio.current_time(), reason)
    seat.rest(slot)
    shell.act()
    return await gone(shell, slot, seat, life)


async def restart(shell: Shell, name: str) -> Handle[Any]:
    """
    Give a child a new life, and wait until it is ready or rests.
    """
    slot, seat = place(shell, name)
    seat.guard()
    check_not_first(shell, slot, seat.path)
    before, handle = slot.life, seat.open_handle()
    shell.core.restart_child(name, trio.current_time(), "restarted by request")
    shell.act()
    return await risen(shell, slot, seat, before, handle)


async def gone(shell: Shell, slot: Slot, seat: Seat, life: int) -> ChildExit:
    """
    Wait until that *life* of a child is over.
    """
    left = None
    if slot.phase is Phase.DOWN:
        await trio.lowlevel.cancel_shielded_checkpoint()
    while slot.phase is not Phase.DOWN and slot.life == life:
        _raise_if_over(shell)
        left = await seat.change()
    return left or seat.exit()


async def risen(shell: Shell, slot: Slot, seat: Seat, before: int, handle: Handle[Any]) -> Handle[Any]:
    """
    Wait until a child is ready, or rests, in a life after the one *before*.
    """
    await _settled(shell, seat, lambda: handle.done or (slot.life > before and slot.is_settled))
    _raise_if_lost(shell, seat, handle)
    return handle


async def wait_ready(shell: Shell, name: str) -> Handle[Any]:
    """
    Wait until a child is ready, in whatever life.
    """
    slot, seat = place(shell, name)
    check_not_first(shell, slot if slot.phase is not Phase.UP else None, seat.path)
    await _settled(shell, seat, lambda: slot.is_settled or shell.seats.get(name) is not seat)
    if slot.phase is not Phase.UP:
        _raise_if_stopping(shell)
        raise StartFailed(seat.path) from (seat.exit().error or ChildDown(seat.path))
    return seat.open_handle()


async def wait_exit(shell: Shell, name: str) -> ChildExit:
    """
    Wait until a child is down and nothing is to bring it up again.
    """
    slot, seat = place(shell, name)
    seat.guard()
    await _settled(shell, seat, lambda: slot.phase is Phase.DOWN and not slot.wanted and seat.life is None)
    return seat.exit()


def turned_away(path: str) -> Handle[Any]:
    """
    Return the handle of something that was cancelled before it began, since all around it was.
    """
    handle = make_handle(path, lambda _reason: None)
    settle(handle, State.CANCELLED, reason="cancelled from outside")
    return handle


def place(shell: Shell, name: str) -> tuple[Slot, Seat]:
    """
    Return what is known of a child.
    """
    return shell.core.slot(name), shell.seats[name]


async def _settled(shell: Shell, seat: Seat, holds: Callable[[], bool]) -> None:
    """
    Wait until something *holds* of a child; a checkpoint in any case.
    """
    if holds():
        await trio.lowlevel.cancel_shielded_checkpoint()
    while not holds():
        _raise_if_over(shell)
        await seat.change()


def _raise_if_over(shell: Shell) -> None:
    """
    Raise SupervisorStopped if the run ended without a word, so that nothing will happen any more.
    """
    if shell.over.is_set():
        raise SupervisorStopped(shell.core.path)


def _raise_if_stopping(shell: Shell) -> None:
    if shell.core.stopping:
        raise SupervisorStopping(shell.core.path)


def _raise_if_lost(shell: Shell, seat: Seat, handle: Handle[Any]) -> None:
    """
    Raise StartFailed if the child came to rest before it was ready.
    """
    if handle.lost:
        if handle.error is None:
            _raise_if_stopping(shell)
        raise StartFailed(seat.path) from (handle.error or JobCancelled(seat.path, "it was stopped while it started"))
