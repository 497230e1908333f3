"""
A barrier is used for two rounds, and who is quick counts for the second before the first is over.
"""

import trio
from trio.lowlevel import checkpoint


class Barrier:
    def __init__(self, size):
        self.size = size
        self.here = 0
        self.open = trio.Event()

    async def wait(self):
        self.here += 1
        if self.here == self.size:
            self.open.set()
        await self.open.wait()
        self.here -= 1
        if self.here == 0:
            self.open = trio.Event()

    async def wait_round(self):
        self.here += 1
        if self.here == self.size:
            self.open.set()
            self.here, self.open = 0, trio.Event()
            await checkpoint()
        else:
            await self.open.wait()


async def rounds(wait):
    reached = [0, 0]

    async def run(number):
        for _ in range(2):
            reached[number] += 1
            await wait()
            assert reached[1 - number] >= reached[number]

    async with trio.open_nursery() as nursery:
        nursery.start_soon(run, 0)
        nursery.start_soon(run, 1)


async def broken():
    await rounds(Barrier(2).wait)


async def mended():
    await rounds(Barrier(2).wait_round)
