"""
The members of a group: which jobs there are, what became of them, and what their failures mean.

This file keeps count and errors, and sees to it that the nursery lives as long as any member and raises what they raised. How
a member runs is for the group.

Laws: the first error is known before anybody is cancelled for it. Cancelled is no error. All errors leave in one group.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import attrs
import trio
from trio.lowlevel import Task

from ._handle import Handle, State, note_running, settle
from ._names import join
from ._pool import Crew, Intake, Job, Worker
from ._said import said
from ._sinks import Stream
from ._step import call
from ._word import Word
from .errors import JobCancelled
from .events import JobFailed


class OnFailure(Word):
    """
    What a group does when a job fails.
    """

    CANCEL = "cancel"
    """Cancel the rest, and take no more."""

    COLLECT = "collect"
    """Go on, and raise all errors in the end."""


@attrs.define(eq=False)
class Members:
    """
    What there is to know of a group beyond its nursery.
    """

    path: str
    nursery: trio.Nursery
    stream: Stream
    on_failure: OnFailure
    intake: Intake | None
    """Where members run, if not each in a task of its own."""

    asker: Worker | None
    """Who has a slot there while the group is open."""

    home: trio.lowlevel.TrioToken = attrs.field(factory=trio.lowlevel.current_trio_token)
    task: Task = attrs.field(factory=trio.lowlevel.current_task)
    """Whose group it is."""

    holds: ClassVar[type[BaseException]] = BaseException

    first_error: BaseException | None = None
    errors: list[BaseException] = attrs.field(factory=list)
    """What is still to be raised."""

    taken: list[BaseException] = attrs.field(factory=list)
    """Errors that stand for jobs which the end of the pool took away."""

    missed: bool = False
    """Whether such an error was raised."""

    broken: bool = False
    """Whether a failure ended the group."""

    left: bool = False
    """Whether the block is over."""

    jobs: set[Job] = attrs.field(factory=set)
    """Members that run on the pool."""

    waiting: int = 0
    """Members with a task of their own that have not begun."""

    running: int = 0
    done: int = 0
    failed: int = 0
    over: trio.Event = attrs.field(factory=trio.Event)
    """Set when the block is over, and all members are."""

    idle: trio.Event | None = None
    """Set when no member is left for now, where somebody waits for that."""

    @property
    def any(self) -> bool:
        """
        Whether there is a member that is not over.
        """
        return bool(self.jobs or self.waiting or self.running)

    @property
    def closed(self) -> bool:
        """
        Whether no member is taken any more.
        """
        return self.broken or (self.left and not self.any) or self.nursery.cancel_scope.cancel_called

    async def begin(self, handle: Handle[Any], fn: Callable[..., object], args: tuple[Any, ...]) -> object:
        """
        Run a member that has a task.
        """
        self.waiting -= 1
        self.running += 1
        note_running(handle)
        return await call(fn, args)

    def end(
        self,
        handle: Handle[Any],
        state: State,
        value: object = None,
        *,
        error: BaseException | None = None,
        reason: str | None = None,
    ) -> None:
        """
        Settle a member that has a task.
        """
        if handle.state is State.WAITING:
            self.waiting -= 1
        else:
            self.running -= 1
        self.done += 1
        self.failed += state is State.FAILED
        settle(handle, state, value=value, error=error, reason=reason)
        self.look()

    def note_taken(self, job: Job) -> None:
        """
        Have the task of the group wait for a member from now on: it may begin before who submitted it goes on.
        """
        if self.intake is not None and self.asker is not None:
            self.intake.jobs.askers.add(job, self.asker)

    def hear(self, job: Job) -> None:
        """
        Note that a member on the pool is over.
        """
        self.jobs.discard(job)
        self.done += 1
        error = job.error
        if error is not None:
            self.failed += 1
            self.keep(job.name, error)
        elif job.state is State.CANCELLED and self.intake is not None and self.intake.crew.over:
            error = JobCancelled(job.name, job.reason)  # Not by us: the pool went away.
            self.taken.append(error)
            self.keep(job.name, error)
        self.look()

    def keep(self, name: str, error: BaseException) -> None:
        """
        Note an error that will be raised when the time has come, which may be now.
        """
        self.tell(name, error)
        self.errors.append(error)
        if self.broken or not isinstance(error, Exception):
            self._raise_all()
            for job in tuple(self.jobs):
                if job.state is State.WAITING:  # At once: a slot that is free now is for none of them.
                    job.cancel(f"{name} of {self.path} failed: {said(error)}")

    def tell(self, name: str, error: BaseException) -> None:
        """
        Note that a member failed, and tell who listens: those who do not will see the error all the same.
        """
        self.remember(error)
        if self.on_failure is OnFailure.CANCEL:
            self.broken = True
        if self.stream.outlets:
            self.stream.send(JobFailed, join(self.path, name), error=error)

    def remember(self, error: BaseException | None) -> None:
        """
        Keep the first error.
        """
        if self.first_error is None:
            self.first_error = error

    def look(self) -> None:
        """
        See whether all members are over.
        """
        if self.any:
            return
        idle, self.idle = self.idle, None
        if idle is not None:
            idle.set()
        if self.left:
            self.over.set()

    async def stay(self) -> None:
        """
        Keep the nursery open as long as there are members; cancel those on the pool with it; raise what is to be raised.
        """
        try:
            await self.over.wait()
        except BaseException as exc:
            self._cancel(getattr(exc, "reason", None))
            with trio.CancelScope(shield=True):  # As a nursery does: all are cancelled, and have to be gone.
                await self.over.wait()
            raise
        finally:
            self._raise_all()
            crew = self._own_crew
            if crew is not None:
                crew.left = True
                crew.wind_up()

    def _cancel(self, reason: str | None) -> None:
        """
        Cancel the members on the pool; on workers of the group's own the nursery cancels those that have begun.
        """
        own = self._own_crew is not None
        for job in tuple(self.jobs):
            if job.state is State.WAITING or not own:
                job.cancel(reason)

    @property
    def _own_crew(self) -> Crew | None:
        crew = None if self.intake is None else self.intake.crew
        return crew if crew is not None and crew.nursery is self.nursery else None

    def _raise_all(self) -> None:
        errors, self.errors = self.errors, []
        for error in errors:  # In tasks of the nursery, which then makes one group of all there is.
            self.nursery.start_soon(self._fail, error, name=f"{self.path} failed")

    async def _fail(self, error: BaseException) -> None:
        if error in self.taken and self.first_error in self.taken:
            if not self.missed:  # So nothing here has cancelled the group. If it is, nobody misses the job.
                await trio.lowlevel.checkpoint_if_cancelled()
            self.missed = True
        raise error
