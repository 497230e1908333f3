"""
How a job becomes a member of a group: on a pool as a job of that, otherwise in a task of its own.

Law: a job that is not taken raises, with what ended the group as the cause; none is dropped.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable
from typing import Any

import attrs
import trio

from ._handle import Handle, State, guard, make_handle
from ._members import Members, OnFailure
from ._names import join, name_of
from ._pool import WORKERS, Intake, Job, Readiness, check_outside, waiters
from ._said import said
from ._step import not_a_job, without_cancelled
from ._thread import check_thread
from .errors import Closed, WouldDeadlock


@attrs.define(eq=False)
class Admission:
    """
    The way into one group.
    """

    members: Members

    def put(self, fn: Callable[..., object], args: tuple[Any, ...], name: str | None) -> Handle[Any]:
        """
        Take a job, or raise `trio.WouldBlock`.
        """
        label = self._admit(fn, name)
        intake = self.members.intake
        if intake is None:
            return self._start_soon(fn, args, label)
        job = self._member(intake, fn, args, label)
        self._offer(intake.put, job)
        return job

    def put_at_once(self, fn: Callable[..., object], args: tuple[Any, ...], name: str | None) -> Handle[Any]:
        """
        Take a job that can begin now, or raise `trio.WouldBlock`.
        """
        label = self._admit(fn, name)
        intake = self.members.intake
        if intake is None:
            return self._start_soon(fn, args, label)
        job = self._member(intake, fn, args, label)
        self._offer(intake.put_at_once, job)
        return job

    async def submit(self, fn: Callable[..., object], args: tuple[Any, ...], name: str | None) -> Handle[Any]:
        """
        Wait until a job is taken.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        members, label = self.members, self._admit(fn, name)
        if members.intake is None:
            handle = self._start_soon(fn, args, label)
            await trio.lowlevel.cancel_shielded_checkpoint()
            return handle
        job = self._member(members.intake, fn, args, label)
        try:
            await members.intake.submit(job, None if members.intake.jobs.has_room else members.intake.asker())
            members.intake.check(job, members.asker)
        except BaseException as exc:
            self._forget(job)
            if isinstance(exc, Closed) and members.closed:
                self._hurry()
                # Who is inside of the group is cancelled with it, and need not be told.
                await trio.lowlevel.checkpoint()
                raise self._refusal(label) from members.first_error
            raise
        return job

    async def start(self, fn: Callable[..., object], args: tuple[Any, ...], name: str | None) -> Any:  # noqa: ANN401 - as in trio.Nursery.start
        """
        Wait until a job is ready, in a task of its own that waits for it where there is a pool.
        """
        handle, scope = self._make(self._admit(fn, name))
        path = join(self.members.path, handle.name)
        return await self.members.nursery.start(self._host, handle, scope, fn, args, name=path)

    async def wait_idle(self) -> None:
        """
        Wait until no job is left for now.
        """
        members = self.members
        inside = self._inside()
        if inside is not None:
            raise WouldDeadlock(members.path, inside)
        await trio.lowlevel.checkpoint()
        while members.any:
            if members.idle is None:
                members.idle = trio.Event()
            with contextlib.nullcontext() if members.intake is None else members.intake.waiting():
                await members.idle.wait()

    def _admit(self, fn: Callable[..., object], name: str | None) -> str:
        """
        Return what a job is called, if it is one and comes in time.
        """
        if not callable(fn):
            raise not_a_job(fn)
        label = name_of(fn) if name is None else name
        check_thread(self.members.home, self.members.path, "Offer the job through trio.from_thread.run_sync.")
        if self.members.closed:
            raise self._refusal(label)
        return label

    def _refusal(self, label: str) -> Closed:
        refusal = Closed(self.members.path, label)
        refusal.__cause__ = self.members.first_error
        return refusal

    # On a pool.

    def _member(self, intake: Intake, fn: Callable[..., object], args: tuple[Any, ...], label: str) -> Job:
        job = intake.make(fn, args, label)
        job.audience = self.members
        self.members.jobs.add(job)
        return job

    def _offer(self, put: Callable[[Job], None], job: Job) -> None:
        members = self.members
        try:
            put(job)
            if members.intake is not None:
                members.intake.note(job, members.asker)
        except BaseException:
            self._forget(job)
            raise

    def _hurry(self) -> None:
        """
        Cancel a group that failed now, and not only when the task that raises its first error gets to run.
        """
        members = self.members
        error = members.first_error
        if members.broken and error is not None and error not in members.taken:
            members.nursery.cancel_scope.cancel(reason=f"{members.path} failed: {said(error)}")

    def _forget(self, job: Job) -> None:
        """
        Note that a job was not taken.
        """
        self.members.jobs.discard(job)
        self.members.look()

    # In a task of its own.

    def _start_soon(self, fn: Callable[..., object], args: tuple[Any, ...], label: str) -> Handle[Any]:
        handle, scope = self._make(label)
        path = join(self.members.path, label)
        self.members.nursery.start_soon(self._host, handle, scope, fn, args, name=path)
        return handle

    def _make(self, label: str) -> tuple[Handle[Any], trio.CancelScope]:
        scope = trio.CancelScope()
        self.members.waiting += 1
        return make_handle(label, lambda reason: scope.cancel(reason=reason)), scope

    def _inside(self) -> str | None:
        """
        Return the member that waits for the present task, if one does.
        """
        members = self.members
        for task in waiters():
            worker = WORKERS.get(task)
            if task is members.task:
                return None
            if worker is not None and worker.job in members.jobs:
                return join(members.path, worker.title)
            if worker is None and task.parent_nursery is members.nursery:
                return task.name
        return None

    async def _host(
        self,
        handle: Handle[Any],
        scope: trio.CancelScope,
        fn: Callable[..., object],
        args: tuple[Any, ...],
        *,
        task_status: trio.TaskStatus[Any] | None = None,
    ) -> None:
        members, ready = self.members, None
        if task_status is not None and members.intake is not None:
            task_status = ready = Readiness(task_status, members.intake.jobs.askers)
        if task_status is not None:
            fn = functools.partial(fn, task_status=task_status)
        path, value = join(members.path, handle.name), None
        guard(handle, functools.partial(check_outside, trio.lowlevel.current_task(), path))
        try:
            with scope:
                if members.intake is None:
                    value = await members.begin(handle, fn, args)
                else:
                    job = members.intake.make(members.begin, (handle, fn, args), handle.name)
                    if ready is not None:
                        ready.job = job
                    await members.intake.run(job)
                    value = job.value
        except BaseException as exc:
            error = without_cancelled(exc, path)
            if error is None:
                members.end(handle, State.CANCELLED, reason=getattr(exc, "reason", None))
                raise
            # Where it is not ready yet this is for who called `start`.
            ours = trio.lowlevel.current_task().parent_nursery is members.nursery
            collected = ours and members.on_failure is OnFailure.COLLECT and isinstance(error, Exception)
            if collected:
                members.keep(handle.name, error)
            elif ours:
                members.tell(handle.name, error)
            members.end(handle, State.FAILED, error=error)
            if collected:
                return
            raise error  # noqa: B904 - it is what was caught, or a part of it, or has it as its cause
        members.end(handle, State.CANCELLED if scope.cancelled_caught else State.FINISHED, value)
