"""
Patience: what is about to end is no leak.

Inside of a run all that can run does, for as long as that helps and no longer than some rounds of the loop; then time passes,
on the clock of the run. For threads and child processes there is only the clock on the wall, and a wait for one of them ends
when it does. Nobody waits where nothing is left.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

import trio

from .. import _trio_compat as compat
from .._tasks import all_tasks
from ..stacks import WatchThread
from ._births import Births
from ._machine import wait_for_end
from ._things import Kind, Leak

ROUNDS = 100
"""How many rounds of the loop tasks get to end."""

SLICE = 0.01
"""The longest wait for one thing, in seconds, before all others are looked at again."""

_FINAL = frozenset({Kind.RESOURCE, Kind.COROUTINE})
"""What cannot be mended by waiting."""


class Patience:
    """
    A number of seconds to wait for what is about to end.
    """

    def __init__(self, births: Births, seconds: float) -> None:
        self._births = births
        self._seconds = seconds
        self._until = time.monotonic() + seconds

    def waited_for(self, leaks: Sequence[Leak]) -> bool:
        """
        Block for a moment, or until a thread or process of *leaks* has ended; tell whether there was one to wait for.
        """
        seconds = min(SLICE, self._until - time.monotonic())
        if seconds <= 0:
            return False
        for leak in leaks:
            if leak.kind is Kind.PROCESS:
                wait_for_end(int(leak.which[0].removeprefix("pid ")), seconds)
                return True
        if any(leak.kind is Kind.THREAD for leak in leaks):
            self._wait_for_thread(seconds)
            return True
        return False

    def _wait_for_thread(self, seconds: float) -> None:
        for job in tuple(self._births.jobs.values()):
            job.done.wait(seconds)
            return
        for thread in tuple(self._births.threads):
            if thread.is_alive() and thread not in compat.idle_threads() and not isinstance(thread, Alarm):
                thread.join(seconds)
                return
        time.sleep(seconds)  # Nothing tells when a thread ends that threading does not know.

    async def let_end(self, find: Callable[[], Sequence[Leak]]) -> None:
        """
        Wait until *find* finds nothing that may still end, or until patience is over.
        """
        with trio.CancelScope(shield=True):  # The number of rounds bounds it.
            for _ in range(ROUNDS):
                if not _may_end(find()):
                    return
                await trio.lowlevel.checkpoint()
                if not any(map(compat.is_scheduled, _others())):
                    break
        with Alarm(self._seconds) as scope:
            pause = SLICE / 8
            while not scope.cancel_called and _may_end(leaks := find()):
                self.waited_for(leaks)
                await trio.sleep(pause)
                pause *= 2


def _may_end(leaks: Sequence[Leak]) -> bool:
    return any(leak.kind not in _FINAL for leak in leaks)


def _others() -> list[trio.lowlevel.Task]:
    me = trio.lowlevel.current_task()
    return [task for task in all_tasks() if task is not me]


class Alarm(WatchThread):
    """
    A shielded scope that ends after some seconds, on the clock of the run or on the wall, whichever is first.

    The clock of a run may stand still, for all that is known.
    """

    is_of_leak_check = True

    def __init__(self, seconds: float) -> None:
        super().__init__(name="alarm of the leak check", daemon=True)
        self._seconds = seconds
        self._scope = trio.CancelScope(shield=True)
        self._over = threading.Event()
        self._token = trio.lowlevel.current_trio_token()

    def __enter__(self) -> trio.CancelScope:
        self._scope.deadline = trio.current_time() + self._seconds
        self.start()
        return self._scope.__enter__()

    def __exit__(self, *error: object) -> bool | None:
        self._over.set()
        self.join()
        return self._scope.__exit__(*error)  # type: ignore[arg-type]  # as they came

    def run(self) -> None:
        """
        Wait in a thread of its own.
        """
        if not self._over.wait(self._seconds):
            self._token.run_sync_soon(self._ring)

    def _ring(self) -> None:
        self._scope.cancel(reason="the grace of the leak check is over")
