"""
Numbers are given out in blocks of ten, and a block is booked a moment after it was looked up.
"""

import trio
from trio.lowlevel import checkpoint


async def run(booking):
    begin, given = [0], []

    async def client():
        for _ in range(2):
            async with booking:
                first = begin[0]
                await checkpoint()
                begin[0] = first + 10
            given.extend(range(first, first + 10))

    async with trio.open_nursery() as nursery:
        for _ in range(5):
            nursery.start_soon(client)
    assert len(given) == len(set(given))


async def broken():
    await run(trio.CapacityLimiter(2))


async def mended():
    await run(trio.CapacityLimiter(1))
