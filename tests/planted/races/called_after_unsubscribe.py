"""
An event bus walks through a copy of its handlers, and calls one that has unsubscribed meanwhile.
"""

import trio
from trio.lowlevel import checkpoint


class Bus:
    def __init__(self):
        self.handlers = []

    async def emit(self, event):
        for handler in list(self.handlers):
            await handler(event)

    async def emit_looking_again(self, event):
        for handler in list(self.handlers):
            if handler in self.handlers:
                await handler(event)


class Window:
    def __init__(self):
        self.closed = False

    async def paint(self, _event):
        assert not self.closed, "a window was painted that is closed"
        await checkpoint()

    async def close(self, bus):
        await checkpoint()
        bus.handlers.remove(self.paint)
        self.closed = True


async def run(emit):
    bus = Bus()
    first, second = Window(), Window()
    bus.handlers = [first.paint, second.paint]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(emit, bus, "tick")
        nursery.start_soon(second.close, bus)


async def broken():
    await run(Bus.emit)


async def mended():
    await run(Bus.emit_looking_again)
