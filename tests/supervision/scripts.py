"""
Scripted children that note less than those of `trio_run.testing`, so that tests can compare whole diaries.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import trio

import trio_run as tr
from trio_run import testing


class EventLog(testing.EventLog):
    """
    A log that is asked by the names of events.
    """

    def named(self, name: str, path: str = "*") -> list[Any]:
        """
        The events of one name, of one path if given.
        """
        return [event for event in self.find(tr.events.Event, path=path) if event.name == name]


def steady(log: EventLog, name: str, *, cleanup: float = 0.0, start: float = 0.0) -> Callable[..., Any]:
    """
    Make a child that is ready after *start* seconds, runs until it is cancelled, and then needs *cleanup* seconds.
    """

    async def run(*, task_status: trio.TaskStatus[None]) -> None:
        log.note(f"{name} starts")
        try:
            await trio.sleep(start)
            task_status.started()
            await trio.sleep_forever()
        finally:
            with trio.CancelScope(shield=True):
                await trio.sleep(cleanup)
            log.note(f"{name} ends")

    return run


def polite(log: EventLog, name: str, *, drain: float = 0.0) -> Callable[..., Any]:
    """
    Make a child that listens for a stop, and drains for *drain* seconds after it.
    """

    async def run() -> None:
        log.note(f"{name} starts")
        try:
            await tr.wait_stopping()
            log.note(f"{name} drains")
            await trio.sleep(drain)
        finally:
            log.note(f"{name} ends")

    return run


class Planned:
    """
    A runner with a plan for each of its lives; after the last plan it runs for ever.

    A plan is ``(seconds, outcome)``: an exception is raised, anything else returned. ``early`` plans are not ready before.
    """

    def __init__(
        self, log: EventLog, name: str, *plans: tuple[float, object], early: frozenset[int] = frozenset()
    ) -> None:
        self.log, self.name, self.plans, self.early = log, name, plans, early
        self.lives = 0

    async def run(self, *, task_status: trio.TaskStatus[None]) -> object:
        """
        Live one life as planned.
        """
        self.lives += 1
        self.log.note(f"{self.name} starts")
        plan = self.plans[self.lives - 1] if self.lives <= len(self.plans) else None
        if self.lives not in self.early:
            task_status.started()
        try:
            if plan is None:
                await trio.sleep_forever()
                return None
            seconds, outcome = plan
            await trio.sleep(seconds)
        except trio.Cancelled:
            self.log.note(f"{self.name} is cancelled")
            raise
        if isinstance(outcome, BaseException):
            self.log.note(f"{self.name} fails")
            raise outcome
        self.log.note(f"{self.name} returns")
        return outcome
