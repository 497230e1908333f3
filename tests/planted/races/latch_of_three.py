"""
A latch is let go by the one who brings the count to nought, which two see if they count down together.
"""

import trio
from trio.lowlevel import checkpoint


class Latch:
    def __init__(self, count):
        self.count = count
        self.opened = trio.Event()

    async def record(self):
        await checkpoint()

    async def arrive(self):
        left = self.count - 1
        await self.record()
        self.count = left
        if self.count == 0:
            self.opened.set()
        await self.opened.wait()

    async def arrive_counting_first(self):
        self.count -= 1
        left = self.count
        await self.record()
        if left == 0:
            self.opened.set()
        await self.opened.wait()


async def run(arrive):
    latch = Latch(3)

    async def member(delay):
        for _ in range(delay):
            await checkpoint()
        await arrive(latch)

    async with trio.open_nursery() as nursery:
        for number in range(3):
            nursery.start_soon(member, 2 * number)


async def broken():
    await run(Latch.arrive)


async def mended():
    await run(Latch.arrive_counting_first)
