"""
The run of a shell: behind a fence, with a sentinel in front of it.

The fence is one shield around the nursery of the children. A cancellation from outside stops at it; the sentinel hears it and
tells the shell, which takes the children down in order. What the shell does is not known here.

Laws: the shield is lifted in a finally, so that an error in the control loop cannot leave children behind it. A verdict
leaves bare, or in one group with the cancellation that came with it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator

import trio

from .._stopping import current_life
from ._shell import Shell


async def run_fenced(shell: Shell, grace: float, cancel_grace: float) -> None:
    """
    Run *shell* until it has stopped, and raise what came of it.

    Args:
        shell: What to run.
        grace: At most so many seconds pass between a request to stop and the cancellation of the last child.
        cancel_grace: So many between a cancellation from outside and that.

    Cancellation:
        Children are stopped one after another, the last started first.
    """
    verdict: BaseException | None = None
    path = shell.core.path
    try:
        async with trio.open_nursery() as outside:
            outside.start_soon(_hear_cancel, shell, cancel_grace, name=f"{path} sentinel")
            await _drive_fenced(shell, grace)
            verdict = shell.finish()
            outside.cancel_scope.cancel(reason=f"{path} has stopped")
    except BaseException as exc:
        if verdict is None:
            raise
        raise BaseExceptionGroup(f"{path} was cancelled from outside", [verdict, exc]) from None
    if verdict is not None:
        raise verdict


async def _drive_fenced(shell: Shell, grace: float) -> None:
    with trio.CancelScope(shield=True) as fence:
        try:
            async with trio.open_nursery() as nursery:
                shell.nursery = nursery
                with _heard_stop(shell, grace):
                    await shell.drive()
        finally:
            fence.shield = False


async def _hear_cancel(shell: Shell, grace: float) -> None:
    """
    Wait in front of the fence for a cancellation from outside, and have the children stopped in order.
    """
    try:
        await trio.sleep_forever()
    finally:
        shell.stop_cancelled(grace)


@contextlib.contextmanager
def _heard_stop(shell: Shell, grace: float) -> Generator[None]:
    """
    Have the supervisor stop when the life it runs in is asked to.
    """
    life = current_life()
    if life is None:
        yield
        return
    life.on_stop(shell, lambda reason: shell.stop(min(life.deadline, trio.current_time() + grace), reason))
    try:
        yield
    finally:
        life.forget(shell)
