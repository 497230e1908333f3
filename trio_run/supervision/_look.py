"""
A picture of a running supervisor and all below it, taken at one moment.

Law: to look changes nothing.
"""

from __future__ import annotations

import trio

from ._shell import Shell
from ._slot import Phase, Slot
from ._standing import below
from ._status import ChildSnapshot, SupervisorSnapshot


def snapshot_of(shell: Shell, name: str) -> SupervisorSnapshot:
    """
    Return what is so now of the supervisor of *shell*, called *name*.
    """
    core = shell.core
    now = core.restarts.began if shell.over.is_set() else trio.current_time()
    return SupervisorSnapshot(
        name=name,
        path=core.path,
        phase=phase_of(shell),
        strategy=core.restarts.strategy.value,
        spent=core.restarts.ledger.spent,
        reason=shell.stop_log.reason,
        children=tuple(_child(shell, slot, now) for slot in core.slots.values()),
    )


def phase_of(shell: Shell) -> str:
    """
    Return in one word how far the run of *shell* is.
    """
    core = shell.core
    if shell.over.is_set():
        return "failed" if core.errors or shell.stop_report is None else "stopped"
    if core.stopping:
        return "stopping"
    return "up" if core.order.booted else "starting"


def _child(shell: Shell, slot: Slot, now: float) -> ChildSnapshot:
    seat = shell.seats[slot.name]
    waits = slot.phase is Phase.DOWN and slot.wanted and slot.due > now
    return ChildSnapshot(
        name=slot.name,
        path=seat.path,
        phase=slot.phase.value,
        wanted=slot.wanted,
        restart=slot.rules.restart.value,
        life=slot.life,
        failures=slot.failures,
        seconds=None if slot.phase is Phase.DOWN else now - seat.began,
        starts_in=slot.due - now if waits else None,
        outcome=seat.outcome,
        last_error=seat.last_error or None,
        supervisors=tuple(snapshot_of(inner, inner.core.path.rpartition("/")[2]) for inner in below(seat.life)),
    )
