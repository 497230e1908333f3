"""
One job of a pool, which is the handle of itself, and who has to do with it.
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, ClassVar, Protocol
from weakref import WeakKeyDictionary

import attrs
import trio
from trio.lowlevel import Task

from .._handle import Handle, State

NO_CONTEXT = contextvars.Context()
"""What stands for the context of a job that is over."""

_WAITING = State.WAITING


class Owner(Protocol):
    """
    Whose job it is: takes it back where it has not begun, and knows who waits for it.
    """

    def withdraw(self, job: Job, reason: str | None) -> None:
        """
        Cancel it.
        """

    def waiting_for(self, job: Job) -> AbstractContextManager[None] | None:
        """
        Return the block in which the present task counts as one that waits for it; None if nobody needs to know.
        """


class Doer(Protocol):
    """
    Who runs a job, or will.
    """

    def stop(self, reason: str | None) -> None:
        """
        Cancel the present job.
        """

    def drop(self) -> None:
        """
        Forget a job that was given and has not begun.
        """


class Audience(Protocol):
    """
    Who is told that a job is over, and takes care of its error.
    """

    task: Task
    """Who waits for it, in the end."""

    holds: ClassVar[type[BaseException]]
    """Which errors it takes care of; others are the pool's."""

    def hear(self, job: Job) -> None:
        """
        Be told.
        """

    def note_taken(self, job: Job) -> None:
        """
        Be told that a job was taken that somebody submitted.
        """
        del job


class Job(Handle[Any]):
    """
    A job of a pool, from the offer to the end; users see the handle.
    """

    __slots__ = ("args", "askers", "audience", "context", "doer", "fn", "owner", "refused", "since")

    owner: Owner
    fn: Callable[..., object]
    args: tuple[Any, ...]
    context: contextvars.Context
    since: float
    """When it was offered, by the time of the crew."""

    doer: Doer | None
    """Who has begun it, or is on his way to it."""

    audience: Audience | None
    """Who is told that it is over; where that is nobody, its error is told by an event."""

    askers: list[object] | None
    """Who has a slot, and waits until this is taken or over."""

    refused: bool
    """Whether the pool closed before it was taken."""

    def __repr__(self) -> str:
        return f"<Handle {self.name} {self.state.value}>"

    async def wait(self) -> Any:  # noqa: ANN401 - as in Handle, where it is the type of the value
        """
        Wait until it is over, and return what it returned.
        """
        waiting = None if self.done else self.owner.waiting_for(self)
        if waiting is None:
            return await super().wait()
        with waiting:
            return await super().wait()

    def _interrupt(self, reason: str | None) -> None:
        if self.doer is None or self.state is _WAITING:
            self.owner.withdraw(self, reason)
        else:
            self.doer.stop(reason)

    def forget(self) -> None:
        """
        Let go of all but the outcome.
        """
        self.fn, self.args, self.context, self.doer = nothing, (), NO_CONTEXT, None


def nothing() -> None:
    """
    Stand in for the function of a job that is over.
    """


@attrs.define(eq=False)
class Askers:
    """
    Who has a slot of a limiter, and waits for so many jobs of pools on it.
    """

    counts: dict[object, int] = attrs.field(factory=dict)

    def add(self, job: Job, asker: object) -> None:
        """
        Note that *asker*, who has a slot, waits for *job*.
        """
        if job.askers is None:
            job.askers = []
        job.askers.append(asker)
        self.hold(asker)

    def remove(self, job: Job, asker: object) -> None:
        """
        Note that it does not any more, if it was not told yet.
        """
        if job.askers is not None and asker in job.askers:
            job.askers.remove(asker)
            self.release(asker)

    def clear(self, job: Job) -> None:
        """
        Note that nobody waits for *job* any more.
        """
        askers, job.askers = job.askers, None
        for asker in askers or ():
            self.release(asker)

    def hold(self, asker: object) -> None:
        """
        Note that *asker* waits for some job.
        """
        self.counts[asker] = self.counts.get(asker, 0) + 1

    def release(self, asker: object) -> None:
        """
        Take that back.
        """
        self.counts[asker] -= 1
        if not self.counts[asker]:
            del self.counts[asker]

    def hold_all(self, limiter: trio.CapacityLimiter) -> bool:
        """
        Tell whether they hold all slots there are, so that none will ever be free; in a pause there may be more some day.
        """
        borrowed, total = limiter.borrowed_tokens, limiter.total_tokens
        return 0 < total <= borrowed <= len(self.counts)


_ASKERS: WeakKeyDictionary[trio.CapacityLimiter, Askers] = WeakKeyDictionary()


def askers_of(limiter: trio.CapacityLimiter) -> Askers:
    """
    Return those who have a slot of *limiter*, in whichever pool, and wait for jobs.
    """
    askers = _ASKERS.get(limiter)
    if askers is None:
        askers = _ASKERS[limiter] = Askers()
    return askers
