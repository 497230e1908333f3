"""
One run of actors: the first exit, good or bad, interrupts the rest.

The state of the whole is a nursery. What an actor is made of is not known here.

Laws: every actor is interrupted, in the order in which they were given, also the one that ended first. An interrupt that raises
or does not return holds up no other, and is told of. Every error is kept, in the order of time. An actor that was interrupted is
gone, or cancelled, when its grace is over.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable
from typing import cast

import attrs
import trio

from .._names import join
from .._said import said
from .._sinks import Stream, current_stream
from .._step import without_cancelled
from .._stopping import Life, begin_life, current_life
from ..errors import Closed
from ..events import (
    ActorFailed,
    ActorFinished,
    ActorInterrupted,
    ActorInterruptFailed,
    ActorOverdue,
    ActorStarting,
    ActorStopped,
)
from ._spec import Interrupt, OnExit, Spec


@attrs.define(eq=False)
class Part:
    """
    One actor, in one run.
    """

    actor: Spec
    life: Life
    began: float
    cause: int = 0
    interrupted: float = math.inf
    """When it was asked to end."""

    heard: bool = False
    """Whether it listens for a request to stop."""

    scope: trio.CancelScope = attrs.field(factory=trio.CancelScope)
    gone: trio.Event = attrs.field(factory=trio.Event)

    def note_listening(self) -> None:
        """
        Note that it listens.
        """
        self.heard = True


@attrs.define(eq=False)
class Show:
    """
    One run of actors.
    """

    path: str
    origin: int
    """The event that led to this run, as in `Event.cause`."""

    stream: Stream
    lone: bool = False
    """Whether it is one actor by itself, which needs no name among others."""

    parts: list[Part] = attrs.field(factory=list)
    errors: list[Exception] = attrs.field(factory=list)
    cause: Exception | None = None
    """What the first exit raised, if it did."""

    reason: str | None = None
    """Why all end; None as long as they do not."""

    over: trio.Event = attrs.field(factory=trio.Event)
    nursery: trio.Nursery | None = None

    async def run(self, actors: tuple[Spec, ...]) -> None:
        """
        Run *actors* until all are gone, and raise what came of it.
        """
        try:
            await self._run(actors, current_life())
        except BaseException as exc:
            if not self.errors:
                raise
            raise BaseExceptionGroup(f"{self.path} was broken off", [*self.errors, exc]) from None
        if self.errors:
            raise ExceptionGroup(f"{self.path} ended, as {self.reason}", self.errors)

    async def _run(self, actors: tuple[Spec, ...], life: Life | None) -> None:
        async with trio.open_nursery() as self.nursery:
            for actor in actors:
                self.begin(actor)
            self._end_if_deserted()
            if life is not None:
                life.on_stop(self, lambda reason: self.end(f"{self.path} was asked to stop: {reason}"))
            try:
                await self.over.wait()
            finally:
                if life is not None:
                    life.forget(self)
                self.end(f"{self.path} was cancelled")
                for part in self.parts:
                    self._interrupt(part, self.nursery)

    def begin(self, actor: Spec) -> None:
        """
        Have one more actor run.
        """
        if self.reason is not None or self.nursery is None:
            raise Closed(self.path, actor.name) from self.cause
        path = self.path if self.lone else join(self.path, actor.name)
        life = Life(path, 1, actor.execute)
        part = Part(actor, life, trio.current_time())
        life.listener = part.note_listening
        self.parts.append(part)
        part.cause = self.stream.send(ActorStarting, life.path, 0, self.origin)
        self.nursery.start_soon(self._host, part, name=life.path)

    def end(self, reason: str, cause: Exception | None = None) -> None:
        """
        Have all end; only the first call counts.
        """
        if self.reason is None:
            self.reason, self.cause = reason, cause
            self.over.set()

    async def _host(self, part: Part) -> None:
        begin_life(part.life)
        try:
            with part.scope:
                await part.actor.recipe.begin(trio.TASK_STATUS_IGNORED)
        except BaseException as exc:  # Sorted, and passed on where it is not ours to hold.
            error = without_cancelled(exc, part.life.path)
            if error is None:
                self._note_stopped(part, "cancelled")
                raise
            seconds = trio.current_time() - part.began
            self.stream.send(ActorFailed, part.life.path, 0, part.cause, seconds=seconds, error=error)
            if not isinstance(error, Exception):
                raise error  # noqa: B904 - it is what was caught, or a part of it
            self.errors.append(error)
            if part.actor.on_exit is not OnExit.DAEMON:
                self.end(f"{part.actor.name} failed: {said(error)}", error)
        else:
            self._note_return(part)
            if part.actor.on_exit is OnExit.INTERRUPT:
                self.end(f"{part.actor.name} returned")
        finally:
            part.gone.set()
        self._end_if_deserted()

    def _note_return(self, part: Part) -> None:
        if part.scope.cancelled_caught:
            self._note_stopped(part, "cancelled")
        elif part.interrupted < math.inf:
            self._note_stopped(part, "drained")
        else:
            seconds = trio.current_time() - part.began
            self.stream.send(ActorFinished, part.life.path, 0, part.cause, seconds=seconds)

    def _note_stopped(self, part: Part, how: str) -> None:
        now = trio.current_time()
        seconds = now - min(part.interrupted, now)
        self.stream.send(ActorStopped, part.life.path, 0, part.cause, seconds=seconds, how=how)

    def _end_if_deserted(self) -> None:
        """
        Have all end if only daemons are left.
        """
        if all(part.gone.is_set() or part.actor.on_exit is OnExit.DAEMON for part in self.parts):
            self.end("nobody was left who had to run")

    def _interrupt(self, part: Part, nursery: trio.Nursery) -> None:
        """
        Begin to end one actor: call its interrupt, or ask it softly.
        """
        actor, reason = part.actor, cast("str", self.reason)
        part.interrupted = trio.current_time()
        deadline = part.interrupted + actor.grace
        part.life.ask(reason, deadline)
        if not part.gone.is_set():
            part.cause = self.stream.send(
                ActorInterrupted, part.life.path, 0, part.cause, grace=actor.grace, reason=reason
            )
        if actor.interrupt is not None:
            self._call_interrupt(part, actor.interrupt, deadline, nursery)
        elif not part.heard:
            part.scope.cancel(reason=reason)
        if not part.gone.is_set() and not part.scope.cancel_called:
            nursery.start_soon(self._cancel_at, part, deadline, name=f"{part.life.path} grace")

    def _call_interrupt(self, part: Part, interrupt: Interrupt, deadline: float, nursery: trio.Nursery) -> None:
        try:
            result = interrupt(self.cause)
        except BaseException as exc:  # noqa: BLE001 - it must not hold up the others
            error = without_cancelled(exc, part.life.path)
            if isinstance(error, Exception):
                self._note_interrupt_failed(part, error)
            else:
                nursery.start_soon(_fail, error or exc, name=f"{part.life.path} interrupt")
            return
        if isinstance(result, Awaitable):
            nursery.start_soon(
                self._await_interrupt,
                part,
                cast("Awaitable[object]", result),
                deadline,
                name=f"{part.life.path} interrupt",
            )

    async def _await_interrupt(self, part: Part, result: Awaitable[object], deadline: float) -> None:
        scope = trio.CancelScope(deadline=deadline)
        try:
            with scope:
                await result
        except BaseException as exc:
            error = without_cancelled(exc, part.life.path)
            if not isinstance(error, Exception):
                raise
            self._note_interrupt_failed(part, error)
        if scope.cancelled_caught:
            late = trio.TooSlowError(
                f"The interrupt of {part.life.path} did not return in {part.actor.grace:g} s, and was cancelled."
            )
            self._note_interrupt_failed(part, late)

    def _note_interrupt_failed(self, part: Part, error: Exception) -> None:
        self.stream.send(ActorInterruptFailed, part.life.path, 0, part.cause, error=error)
        self.errors.append(error)

    async def _cancel_at(self, part: Part, deadline: float) -> None:
        """
        Cancel an actor that is still there when its grace is over.
        """
        with trio.CancelScope(deadline=deadline):
            await part.gone.wait()
        if not part.gone.is_set():
            grace = part.actor.grace
            part.cause = self.stream.send(ActorOverdue, part.life.path, 0, part.cause, grace=grace)
            part.scope.cancel(reason=f"its grace of {grace:g} s is over: {self.reason}")


async def _fail(error: BaseException) -> None:
    raise error


def new_show(name: str, runner: object = None) -> Show:
    """
    Return a run of actors as a part of the present life, if there is one; as all of it, if that is a life of *runner*.
    """
    life = current_life()
    if life is None:
        return Show(name, 0, current_stream())
    path = life.path if runner is not None and life.runner is runner else join(life.path, name)
    return Show(path, life.cause, current_stream())
