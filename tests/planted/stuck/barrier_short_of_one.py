"""
A barrier is for four, and one of them never comes.
"""

import trio

STUCK = 3


class Barrier:
    def __init__(self, parties):
        self.missing = parties
        self.opened = trio.Event()

    async def wait(self):
        self.missing -= 1
        if not self.missing:
            self.opened.set()
        await self.opened.wait()


async def broken(nursery):
    barrier = Barrier(4)
    for _ in range(3):
        nursery.start_soon(barrier.wait)


async def mended(nursery):
    barrier = Barrier(4)
    for _ in range(3):
        nursery.start_soon(barrier.wait)

    async def come_late():
        await trio.sleep(10)
        await barrier.wait()

    nursery.start_soon(come_late)
