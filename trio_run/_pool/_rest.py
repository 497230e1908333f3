"""
Workers of a pool that rest.

Whether a worker rests, and what it is called for, is for the crew.

Laws: the last to rest is the first to be called. Whoever has rested for so long ends.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from typing import Generic, Protocol, TypeVar

import attrs
import trio
from trio.lowlevel import Task, reschedule


class Sleeper(Protocol):
    """
    A worker that rests.
    """

    task: Task
    rests_since: float
    dismissed: bool


SleeperT = TypeVar("SleeperT", bound=Sleeper)


@attrs.define(eq=False)
class Rest(Generic[SleeperT]):
    """
    Where the workers of one pool rest.
    """

    idle_time: float
    now: Callable[[], float]
    start_soon: Callable[[Callable[[], Awaitable[None]], str], None]

    workers: list[SleeperT] = attrs.field(factory=list)
    """Those who are at it; the last one came last."""

    patience: trio.CancelScope | None = None
    """Around the task that sends workers home who have rested for long; there is one while any rests."""

    def add(self, worker: SleeperT) -> None:
        """
        Have a worker rest until it is called, or sent home.
        """
        worker.rests_since = self.now()
        self.workers.append(worker)
        if self.patience is None and self.idle_time < math.inf:
            self.patience = trio.CancelScope()
            self.start_soon(self._send_home, "rest")

    def call(self) -> SleeperT | None:
        """
        Wake the one who came last, if there is any; it looks around for what to do when it gets to run.
        """
        if not self.workers:
            return None
        worker = self.workers.pop()
        reschedule(worker.task)
        return worker

    async def _send_home(self) -> None:
        """
        End the workers that rest for too long: a deadline for each rest would cost a quarter of a job.
        """
        if self.patience is not None:
            with self.patience:
                while self.workers:
                    longest = self.workers[0]
                    until = longest.rests_since + self.idle_time
                    if self.now() >= until:
                        del self.workers[0]
                        longest.dismissed = True
                        reschedule(longest.task)
                    else:
                        await trio.sleep(until - self.now())
        self.patience = None

    def end(self, reason: str) -> None:
        """
        Call them all: there is nothing more to come.
        """
        while self.call() is not None:
            pass
        if self.patience is not None:
            self.patience.cancel(reason=reason)
