"""
The task beside a child that has a probe.

How it asks is for `_probe`. What is fatal in a child is fatal here, too.

Law: it ends with the life that it asks, or when that is told to go.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable

import trio

from .._step import strip_cancelled
from ._facts import Fact, Unwell
from ._seat import Seat


def start_probing(
    nursery: trio.Nursery, seat: Seat, number: int, tell: Callable[[Fact], None], abort: Callable[[BaseException], None]
) -> None:
    """
    Begin to ask the life *number* of a child, if it has a probe; *abort* is told of what no supervisor may hold.
    """
    probe = seat.child.probe
    if probe is None:
        return
    scope = seat.probing = trio.CancelScope()
    reason = f"{probe.failures} probes in a row failed"
    ask = functools.partial(probe.watch, lambda error: tell(Unwell(seat.child.name, number, reason, error)))
    spawn = functools.partial(nursery.start_soon, name=f"{seat.path} probe")
    seat.context.run(spawn, _ask, ask, scope, abort)


async def _ask(
    ask: Callable[[], Awaitable[None]], scope: trio.CancelScope, abort: Callable[[BaseException], None]
) -> None:
    try:
        with scope:
            await ask()
    except BaseException as exc:
        if strip_cancelled(exc) is None:
            raise
        abort(exc)
