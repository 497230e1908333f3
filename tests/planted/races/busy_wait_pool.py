"""
Workers look for a free slot again and again, and take it a moment after they saw it.
"""

import trio
from trio.lowlevel import checkpoint


class Slots:
    def __init__(self):
        self.free = 1

    async def take(self):
        while not self.free:
            await checkpoint()
        await checkpoint()
        self.free -= 1
        assert self.free >= 0

    async def take_at_once(self):
        while not self.free:
            await checkpoint()
        self.free -= 1
        assert self.free >= 0
        await checkpoint()

    async def give(self):
        await checkpoint()
        self.free += 1


async def work(slots, take):
    for _ in range(2):
        await take()
        await checkpoint()
        await slots.give()


async def broken():
    slots = Slots()
    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(work, slots, slots.take)


async def mended():
    slots = Slots()
    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(work, slots, slots.take_at_once)
