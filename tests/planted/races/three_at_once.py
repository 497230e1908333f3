"""
A bridge carries two and a limiter lets three on it, which is wrong only if three that come from far are there at one moment.
"""

import trio
from trio.lowlevel import checkpoint


class Bridge:
    def __init__(self):
        self.on_it = 0

    async def cross(self):
        self.on_it += 1
        assert self.on_it <= 2
        await checkpoint()
        self.on_it -= 1


async def walk(steps):
    for _ in range(steps):
        await checkpoint()


async def run(limit):
    bridge = Bridge()

    async def cross(way):
        await walk(way)
        async with limit:
            await bridge.cross()
        await walk(12)

    async with trio.open_nursery() as nursery:
        for way in (4, 9, 17):
            nursery.start_soon(cross, way)
        for _ in range(5):
            nursery.start_soon(walk, 15)


async def broken():
    await run(trio.CapacityLimiter(3))


async def mended():
    await run(trio.CapacityLimiter(2))
