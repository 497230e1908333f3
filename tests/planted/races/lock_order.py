"""
Two tasks take the same two locks, each in another order.
"""

import trio
from trio.lowlevel import checkpoint


async def both(first, second):
    async with first, second:
        await checkpoint()


async def broken():
    left, right = trio.Lock(), trio.Lock()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(both, left, right)
        nursery.start_soon(both, right, left)


async def mended():
    left, right = trio.Lock(), trio.Lock()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(both, left, right)
        nursery.start_soon(both, left, right)
