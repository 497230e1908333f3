"""
One part of a pipeline at work: items come in, results go out, errors are dealt with.

Which parts there are and how they are joined is not known here.

Laws: who sends closes, so that the next part ends when there is nothing more to come. What a part could not do is passed on to
somebody or told of. An ordered part sends results in the order in which their items came.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import attrs
import trio

from .._sinks import Stream
from .._step import observed, without_cancelled
from .._word import Word
from ..events import StageFailed, StageFinished, StageSkipped

Receive = trio.MemoryReceiveChannel[Any]
Send = trio.MemorySendChannel[Any]
End = trio.MemorySendChannel[Any] | trio.MemoryReceiveChannel[Any]
Work = Callable[..., Awaitable[object]]


class OnError(Word):
    """
    What becomes of an item over which a stage raised.
    """

    FAIL = "fail"
    """The pipeline fails."""

    SKIP = "skip"
    """It is left out, and an event tells of it."""


@attrs.frozen
class DeadLetter:
    """
    An item over which a stage raised, for whoever looks after such.
    """

    stage: str
    """The path of the stage."""

    item: object
    """The item."""

    error: Exception
    """What was raised."""


@attrs.frozen
class StageStatistics:
    """
    What a stage is doing: a picture of one moment.
    """

    name: str
    """The stage."""

    waiting: int
    """Items that wait in front of it."""

    busy: int
    """Items that it has in hand."""

    done: int
    """Items that it has done."""

    skipped: int
    """Items over which it raised, and went on: left out, or sent as dead letters."""

    failed: int
    """Items over which it raised, and the pipeline failed."""

    dropped: int
    """Items that it had in hand when the pipeline was broken off."""


@attrs.define(eq=False)
class Flow:
    """
    One part at work, with all its workers.
    """

    path: str
    name: str
    stream: Stream
    on_error: OnError | Send = OnError.FAIL
    inlet: Receive | None = None
    """Where its items wait, to be counted."""

    workers: int = 0
    """How many are at it."""

    taken: int = 0
    done: int = 0
    skipped: int = 0
    failed: int = 0
    dropped: int = 0

    @property
    def busy(self) -> int:
        """
        How many items it has in hand.
        """
        return self.taken - self.done - self.skipped - self.failed - self.dropped

    def statistics(self) -> StageStatistics:
        """
        Return what the part is doing.
        """
        waiting = 0 if self.inlet is None else self.inlet.statistics().current_buffer_used
        return StageStatistics(
            self.name, waiting, self.busy, self.done, self.skipped, failed=self.failed, dropped=self.dropped
        )

    async def hold(self, work: Work, args: tuple[object, ...], ends: tuple[End, ...], whole: trio.CancelScope) -> None:
        """
        Run one worker, close its *ends* of channels, and tell how it ended.
        """
        try:
            await work(*map(observed, args))
        except BaseException as exc:
            error = without_cancelled(exc, self.path)
            # Before ends are closed, which would be an error to who is at the other.
            whole.cancel(reason=f"{self.path} ended early")
            if error is None:
                raise
            self.stream.send(StageFailed, self.path, error=error)
            error.add_note(f"in {self.path}")
            raise error  # noqa: B904 - it is what was caught, or a part of it, or has it as its cause
        finally:
            self.workers -= 1
            if not self.workers:
                self.dropped += self.busy
            for end in ends:
                end.close()
        if not self.workers:
            self.stream.send(StageFinished, self.path, done=self.done, skipped=self.skipped)

    # What workers do. Each is the whole of a loop, since an item more or less in here is what a pipeline costs.

    async def drain(self, fn: Work, receive: Receive) -> None:
        """
        Do each item, and pass nothing on.
        """
        async for item in receive:
            self.taken += 1
            try:
                await fn(item)
            except Exception as exc:  # noqa: BLE001 - what becomes of it was said beforehand
                await self.set_aside(item, exc)
            else:
                self.done += 1

    async def relay(self, fn: Work, receive: Receive, send: Send) -> None:
        """
        Do each item, and pass its result on.
        """
        async for item in receive:
            self.taken += 1
            try:
                result = await fn(item)
            except Exception as exc:  # noqa: BLE001 - as above
                await self.set_aside(item, exc)
            else:
                self.done += 1
                await send.send(result)

    async def spread(self, fn: Work, receive: Receive, send: Send) -> None:
        """
        Have *fn* send what it makes of each item.
        """
        async for item in receive:
            self.taken += 1
            try:
                await fn(item, send)
            except Exception as exc:  # noqa: BLE001 - as above
                if isinstance(exc, trio.ClosedResourceError):
                    exc.add_note(
                        "if it is the channel from spread(), that is for the next items too: send, and do not close it"
                    )
                await self.set_aside(item, exc)
            else:
                self.done += 1

    async def relay_in_order(self, fn: Work, receive: Receive, turn: trio.Lock, line: Send) -> None:
        """
        Do each item whose *turn* it is, with a ticket in line for its result.
        """
        while True:
            async with turn:  # So that tickets are in the order of the items.
                try:
                    item = await receive.receive()
                except trio.EndOfChannel:
                    return
                self.taken += 1
                ticket = _Ticket()
                await line.send(ticket)
            try:
                ticket.content = await fn(item)
            except Exception as exc:  # noqa: BLE001 - as above
                await self.set_aside(item, exc)
            else:
                self.done += 1
                ticket.good = True
            ticket.done.set()

    @staticmethod
    async def pass_on(line: Receive, send: Send) -> None:
        """
        Pass results on in the order of the tickets.
        """
        async for ticket in line:
            await ticket.done.wait()
            if ticket.good:
                await send.send(ticket.content)

    async def set_aside(self, item: object, error: Exception) -> None:
        """
        Deal with an item over which *error* was raised, as was said beforehand.
        """
        if self.on_error is OnError.FAIL:
            self.failed += 1
            raise error
        if self.on_error is OnError.SKIP:
            self.stream.send(StageSkipped, self.path, item=_short(item), error=error)
        else:
            try:
                await self.on_error.send(DeadLetter(self.path, item, error))
            except (trio.BrokenResourceError, trio.ClosedResourceError) as exc:
                self.failed += 1
                error.add_note("and its dead letter could not be sent, since that channel is closed")
                raise error from exc
        self.skipped += 1


@attrs.define(eq=False)
class _Ticket:
    """
    Where the result of an item will be, in an ordered part.
    """

    content: object = None
    good: bool = False
    done: trio.Event = attrs.field(factory=trio.Event)


def _short(item: object) -> str:
    text = repr(item)
    return text if len(text) <= 200 else f"{text[:200]}..."
