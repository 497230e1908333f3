"""
Three philosophers take the fork on the left, then the one on the right.
"""

import trio
from trio.lowlevel import checkpoint


async def dine(first, second):
    for _ in range(2):
        async with first:
            await checkpoint()
            async with second:
                await checkpoint()


async def broken():
    forks = [trio.Lock() for _ in range(3)]
    async with trio.open_nursery() as nursery:
        for seat in range(3):
            nursery.start_soon(dine, forks[seat], forks[(seat + 1) % 3])


async def mended():
    forks = [trio.Lock() for _ in range(3)]
    async with trio.open_nursery() as nursery:
        for seat in range(3):
            low, high = sorted((seat, (seat + 1) % 3))
            nursery.start_soon(dine, forks[low], forks[high])
