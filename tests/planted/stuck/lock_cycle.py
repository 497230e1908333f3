"""
Two tasks have a lock each and want that of the other.
"""

import trio

STUCK = 2
CYCLES = 1


async def both(first, second, met):
    async with first:
        met.append(first)
        while len(met) < 2:
            await trio.lowlevel.checkpoint()
        async with second:
            pass


async def broken(nursery):
    left, right, met = trio.Lock(), trio.Lock(), []
    nursery.start_soon(both, left, right, met)
    nursery.start_soon(both, right, left, met)


async def in_order(first, second):
    async with first:
        await trio.sleep(10)
        async with second:
            pass


async def mended(nursery):
    left, right = trio.Lock(), trio.Lock()
    nursery.start_soon(in_order, left, right)
    nursery.start_soon(in_order, left, right)
