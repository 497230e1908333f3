"""
A buffer is sent and then emptied, with all that came while it was sent.
"""

import trio
from trio.lowlevel import checkpoint


class Buffer:
    def __init__(self):
        self.lines = []
        self.written = []

    async def flush(self):
        await self.write(list(self.lines))
        self.lines.clear()

    async def flush_swapped(self):
        lines, self.lines = self.lines, []
        await self.write(lines)

    async def write(self, lines):
        await checkpoint()
        self.written += lines

    async def log(self):
        for number in range(3):
            self.lines.append(number)
            await checkpoint()


async def keep(buffer, flush):
    async with trio.open_nursery() as nursery:
        nursery.start_soon(buffer.log)
        nursery.start_soon(flush)
    await flush()
    assert buffer.written == [0, 1, 2]


async def broken():
    buffer = Buffer()
    await keep(buffer, buffer.flush)


async def mended():
    buffer = Buffer()
    await keep(buffer, buffer.flush_swapped)
