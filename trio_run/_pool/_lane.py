"""
What is between the reader of a map and who takes: jobs that were read and not taken.

Laws: each input that was read has one outcome, and each outcome knows its input. An error that nobody takes is told by an event.
"""

from __future__ import annotations

from collections import deque
from typing import Any, ClassVar, Generic, TypeVar, final

import attrs
import trio
from trio.lowlevel import Task

from .._handle import Handle, State
from .._names import join
from .._word import Word
from ..errors import PoolWouldDeadlock
from ..events import JobFailed
from ._intake import Intake
from ._job import Audience, Job
from ._worker import Worker

ItemT = TypeVar("ItemT")
T = TypeVar("T")


class Order(Word):
    """
    In which order outcomes come.
    """

    INPUT = "input"
    """As the inputs came: one that takes long holds up the others, though not their jobs."""

    COMPLETION = "completion"
    """As the jobs end."""


@final
@attrs.frozen(eq=False)
class Outcome(Generic[ItemT, T]):
    """
    What became of one input.
    """

    index: int
    """The how-manieth input it is, from 0."""

    item: ItemT
    """The input."""

    handle: Handle[T]
    """The handle of the job, which is over."""

    @property
    def state(self) -> State:
        """
        Finished, failed or cancelled.
        """
        return self.handle.state

    @property
    def value(self) -> T:
        """
        What the job returned.

        Raises:
            JobCancelled: It was cancelled.
            BaseException: It failed; this is the very error it raised.
        """
        return self.handle.value

    @property
    def error(self) -> BaseException | None:
        """
        What the job raised, where it failed.
        """
        return self.handle.error


@attrs.define(eq=False)
class Lane(Audience):
    """
    What is between the reader and who takes: jobs that were read and not taken.
    """

    intake: Intake
    task: Task
    order: Order
    holds: ClassVar[type[BaseException]] = Exception
    asker: Worker | None
    """Who has a slot of the same pool while it loops over the map."""

    read: int = 0
    """How many inputs were read."""

    enough: float = 0
    """How many may be left when the reader goes on: a wider window is filled some at a time, but never so late that slots are free."""

    width: float = 0
    """How many inputs may be read and not taken, as it was when the reader last woke up."""

    left: bool = False
    """Whether the block was left."""

    reading: bool = True
    failure: Exception | None = None
    """What ended the reading early."""

    taken: bool = False
    """Whether somebody knows of that, or has no need to."""

    items: dict[Job, tuple[int, object]] = attrs.field(factory=dict)
    """The jobs that were not taken, and for what each is."""

    row: deque[Job] = attrs.field(factory=deque)
    """Those that will be taken next, in this order; the first one may not be over."""

    live: set[Job] = attrs.field(factory=set)
    """Those that are not over."""

    held: bool = False
    """Whether *asker* counts as one who waits for jobs of its own pool."""

    deadlock: PoolWouldDeadlock | None = None
    """Why who takes must not go on waiting."""

    news: trio.Event = attrs.field(factory=trio.Event)
    """Set for who takes."""

    room: trio.Event = attrs.field(factory=trio.Event)
    """Set for the reader."""

    def add(self, item: object, job: Job) -> None:
        """
        Note that a job is about to be offered.
        """
        self.items[job] = (self.read, item)
        self.read += 1
        self.live.add(job)
        if self.order is Order.INPUT:
            self.row.append(job)
        job.audience = self

    def hear(self, job: Job) -> None:
        """
        Note that a job is over.
        """
        self.live.discard(job)
        if self.order is Order.COMPLETION:
            self.row.append(job)
        if self.row[0] is job or not self.live:  # Otherwise who takes would look in vain.
            self.tell()

    def tell(self) -> None:
        """
        Have who takes look again.
        """
        self._release()
        self.news.set()

    @property
    def ready(self) -> bool:
        """
        Whether the next outcome is there.
        """
        return bool(self.row) and self.row[0].done

    @property
    def goes_on(self) -> bool:
        """
        Whether there may be more outcomes.
        """
        return self.reading or bool(self.items)

    def take(self) -> Outcome[Any, Any] | None:
        """
        Return the next outcome, if it is there.
        """
        if not self.ready:
            return None
        job = self.row.popleft()
        index, item = self.items.pop(job)
        if len(self.items) <= self.enough:
            self.room.set()
        return Outcome(index, item, job)

    def tell_untaken(self, name: str) -> None:
        """
        Tell of the errors that nobody has taken, and nobody will: they are of a map over *name*.
        """
        path, stream = join(self.intake.crew.path, name), self.intake.crew.stream
        for job in self.items:
            if job.error is not None:
                stream.send(JobFailed, path, error=job.error)
        if self.failure is not None and not self.taken:
            self.failure.add_note("raised by the inputs of a map that was left")
            stream.send(JobFailed, path, error=self.failure)

    async def wait(self) -> None:
        """
        Wait for news, which may be none.

        Raises:
            PoolWouldDeadlock: There will never be any.
        """
        if self.news.is_set():
            self.news = trio.Event()
        if self.asker is not None:
            self.held = True
            self.intake.jobs.askers.hold(self.asker)
            self.look_for_deadlock()
        try:
            await self.news.wait()
        finally:
            self._release()
        deadlock, self.deadlock = self.deadlock, None
        if deadlock is not None:
            raise deadlock

    def look_for_deadlock(self) -> None:
        """
        Have who takes look again if that would wait for ever.
        """
        if self.asker is not None and self.held and self.live and self.intake.stuck:
            self.deadlock = self.intake.deadlock(self.asker)
            self.tell()

    def _release(self) -> None:
        if self.held and self.asker is not None:
            self.held = False
            self.intake.jobs.askers.release(self.asker)
