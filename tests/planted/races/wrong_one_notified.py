"""
Makers and takers wait for the same condition, and a wake-up meant for a taker goes to a maker.
"""

import trio
from trio.lowlevel import checkpoint


class Box:
    def __init__(self):
        self.item = None
        self.changed = trio.Condition()

    async def put(self, item, wake):
        async with self.changed:
            while self.item is not None:
                await self.changed.wait()
            self.item = item
            wake(self.changed)
        await checkpoint()

    async def take(self, wake):
        async with self.changed:
            while self.item is None:
                await self.changed.wait()
            self.item = None
            wake(self.changed)
        await checkpoint()


async def run(wake):
    box = Box()
    async with trio.open_nursery() as nursery:
        for number in range(3):
            nursery.start_soon(box.put, number, wake)
        for _ in range(3):
            nursery.start_soon(box.take, wake)


async def broken():
    await run(trio.Condition.notify)


async def mended():
    await run(trio.Condition.notify_all)
