"""
What goes wrong with the jobs of groups and pools.
"""

from __future__ import annotations

import enum
from typing import Any

from .._said import said
from ._base import TrioRunError
from ._supervision import WouldDeadlock


class PoolWouldDeadlock(WouldDeadlock):
    """
    A job would wait for another of its own pool, or of one with the same limiter, while all slots are held by jobs that do so.

    Attributes:
        path: The pool, as in ``shop/pool``.
        caller: The job, as in ``shop/pool/crawl``.
        slots: How many slots there are, each held by a job that waits.
    """

    def __init__(self, path: str, caller: str, slots: int) -> None:
        super().__init__(path, caller)
        self.slots: int = slots
        self.args: tuple[Any, ...] = (path, caller, slots)

    def __str__(self) -> str:
        return (
            f"{self.caller} would wait for a slot of {self.path} for ever: all {self.slots} are held by jobs that wait for one. "
            f"Await the function itself instead, or use a second pool, with a limiter of its own, for what jobs wait for."
        )


class OutsidePool(TrioRunError):
    """
    What each worker of a pool has for itself was asked for where there is none.

    Attributes:
        name: What would have opened it.
    """

    def __init__(self, name: str) -> None:
        self.name: str = name
        super().__init__(name)

    def __str__(self) -> str:
        return (
            f"There is no {self.name} here: this is not a job of a pool that was opened with it. "
            f"Offer the work to a pool from open_pool(..., per_worker=...), and ask inside of the job."
        )


class NotDone(TrioRunError):
    """
    A handle has no value yet.

    Attributes:
        name: The job or child.
        state: What it is doing.
    """

    def __init__(self, name: str, state: str) -> None:
        self.name: str = name
        self.state: str = state
        super().__init__(name, state)

    def __str__(self) -> str:
        return f"{self.name} has no value yet: it is {self.state}. Use `await handle.wait()`."


class JobCancelled(TrioRunError):
    """
    A handle has no value: its job was cancelled, or its child stopped.

    Attributes:
        name: The job or child.
        reason: Why, where a reason was given.
    """

    def __init__(self, name: str, reason: str | None) -> None:
        self.name: str = name
        self.reason: str | None = reason
        super().__init__(name, reason)

    def __str__(self) -> str:
        return f"{self.name} has no value: it was cancelled ({self.reason or 'no reason given'})."


class Closed(TrioRunError):
    """
    A group, pool, coalescer or set of actors was offered work after its end, or after it had failed.

    The failure that closed it, where there was one, is the ``__cause__``.

    Attributes:
        owner: Who was offered it.
        job: What was offered.
    """

    def __init__(self, owner: str, job: str) -> None:
        self.owner: str = owner
        self.job: str = job
        super().__init__(owner, job)

    def __str__(self) -> str:
        why = f" because of {said(self.__cause__)}" if self.__cause__ is not None else ""
        return (
            f"{self.owner} is closed{why} and did not take {self.job}. Offer work inside its `async with` block, or while its "
            f"actors run."
        )


class SignalReceived(TrioRunError):
    """
    A signal arrived that an actor waited for. It is no fault: it is how the actors are told to end.

    Attributes:
        signal: Which one, as in ``signal.SIGTERM``.
    """

    def __init__(self, signal: enum.IntEnum) -> None:
        self.signal: enum.IntEnum = signal
        super().__init__(signal)

    def __str__(self) -> str:
        return f"{self.signal.name} arrived. Catch it with `except* SignalReceived` around run_actors()."
