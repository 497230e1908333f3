"""
The sleep of a control loop, and its alarm clock.

By hand, since an event or a parking lot would cost each child 2 µs more.

Law: a wake while nobody sleeps is not kept.
"""

from __future__ import annotations

import attrs
import trio


@attrs.define(eq=False)
class Sleeper:
    """
    The one task that sleeps here.
    """

    _task: trio.lowlevel.Task | None = None

    async def sleep(self) -> None:
        """
        Sleep until woken.

        Cancellation:
            Ends the sleep.
        """
        self._task = trio.lowlevel.current_task()
        await trio.lowlevel.wait_task_rescheduled(self._abort)

    def wake(self) -> None:
        """
        End the sleep, if there is one.
        """
        task, self._task = self._task, None
        if task is not None:
            trio.lowlevel.reschedule(task)

    def _abort(self, _raise_cancel: object) -> trio.lowlevel.Abort:
        self._task = None
        return trio.lowlevel.Abort.SUCCEEDED
