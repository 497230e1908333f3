"""
A batch is sent when it is full or when time is up; both at once send it twice.
"""

import trio
from trio.lowlevel import checkpoint


class Batcher:
    def __init__(self):
        self.items = []
        self.sent = []

    async def send(self, items):
        await checkpoint()
        self.sent.extend(items)

    async def flush(self):
        if self.items:
            await self.send(self.items)
            self.items = []

    async def flush_taking_first(self):
        items, self.items = self.items, []
        if items:
            await self.send(items)


async def run(flush):
    batcher = Batcher()

    async def add():
        for number in range(3):
            batcher.items.append(number)
            if len(batcher.items) >= 2:
                await flush(batcher)
            await checkpoint()

    async def tick():
        await trio.sleep(0)
        await flush(batcher)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(add)
        nursery.start_soon(tick)
    await flush(batcher)
    assert sorted(batcher.sent) == [0, 1, 2]


async def broken():
    await run(Batcher.flush)


async def mended():
    await run(Batcher.flush_taking_first)
