"""
Two of ten tasks take the same two locks, each in another order, and one does so long after the other.
"""

import trio
from trio.lowlevel import checkpoint


async def work(steps):
    for _ in range(steps):
        await checkpoint()


async def both(before, first, second, after):
    await work(before)
    async with first, second:
        await checkpoint()
    await work(after)


async def run(in_order):
    first, second = trio.Lock(), trio.Lock()
    late = (first, second) if in_order else (second, first)
    async with trio.open_nursery() as nursery:
        for _ in range(4):
            nursery.start_soon(work, 25)
        nursery.start_soon(both, 5, first, second, 20)
        for _ in range(3):
            nursery.start_soon(work, 25)
        nursery.start_soon(both, 22, *late, 3)
        nursery.start_soon(work, 25)


async def broken():
    await run(False)


async def mended():
    await run(True)
