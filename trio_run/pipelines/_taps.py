"""
The source of a pipeline at work, and how it is asked to stop.

Law: asked to stop, a source sends no more, but what it was sending is sent: an item that it had taken from somewhere is not lost
between there and here.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Awaitable, Callable, Iterable
from typing import Any, cast

import attrs
import trio

from .._generators import close
from ._flow import Flow, Send


@attrs.define(eq=False)
class Tap(trio.abc.SendChannel[Any]):
    """
    One source at work. To a source that is a function, this is the channel it sends to.
    """

    flow: Flow
    channel: Send
    _start: Callable[..., None]
    """Has one more worker at the flow."""

    _scope: trio.CancelScope = attrs.field(factory=trio.CancelScope)
    _sending: int = 0
    _stopped: str | None = None

    async def run(self, origin: object, args: tuple[object, ...]) -> None:
        """
        Send all that *origin* has.
        """
        if callable(origin):
            with self._scope:
                await cast("Callable[..., Awaitable[object]]", origin)(self, *args)
        elif isinstance(origin, Iterable):
            await self._send_each(cast("Iterable[object]", origin))
        else:
            await self._send_all(cast("AsyncIterable[object]", origin))

    async def _send_each(self, items: Iterable[object]) -> None:
        flow, send, source = self.flow, self.channel.send, iter(items)
        try:
            if self._stopped is not None:
                return
            for item in source:
                await send(item)
                flow.taken += 1
                flow.done += 1
                if self._stopped is not None:
                    return
        finally:
            await close(source)

    async def _send_all(self, items: AsyncIterable[object]) -> None:
        source = aiter(items)
        with self._scope:
            try:
                async for item in source:
                    await self.send(item)
            finally:
                await close(source)

    def stop(self, reason: str) -> None:
        """
        Ask the source to stop.
        """
        self._stopped = reason
        if not self._sending:
            self._scope.cancel(reason=reason)

    async def send(self, value: object) -> None:
        """
        Send an item; to be told to stop does not break this off, but is the last that the source hears.
        """
        if self._scope.cancel_called:  # Since then the item was on its way here.
            end = self.channel.clone()
            self._start(self.flow, self._send_late, end, value, ends=(end,))
            await trio.sleep_forever()  # Until the next moment.
        self._sending += 1
        try:
            await self.channel.send(value)
        finally:
            self._sending -= 1
            if self._stopped is not None and not self._sending:
                self._scope.cancel(reason=self._stopped)
        self._count()
        if self._stopped is not None:
            await trio.sleep_forever()  # Until whoever else is sending has sent, and the scope is cancelled.

    async def _send_late(self, channel: Send, value: object) -> None:
        """
        Send an item, in a task that hears of cancellation from outside, but no more of stopping.
        """
        await channel.send(value)
        self._count()

    def _count(self) -> None:
        self.flow.taken += 1
        self.flow.done += 1

    async def aclose(self) -> None:
        """
        Close it; the end of the source does so as well.
        """
        self.channel.close()
        await trio.lowlevel.checkpoint()
