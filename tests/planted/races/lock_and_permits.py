"""
A lock and a semaphore of two: one task takes the lock first, and two others each take a permit first.
"""

import trio
from trio.lowlevel import checkpoint


async def permit_first(lock, permits):
    async with permits:
        await checkpoint()
        async with lock:
            await checkpoint()


async def lock_first(lock, permits):
    async with lock:
        await checkpoint()
        async with permits:
            await checkpoint()


async def run(third):
    lock, permits = trio.Lock(), trio.Semaphore(2)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(permit_first, lock, permits)
        nursery.start_soon(permit_first, lock, permits)
        nursery.start_soon(third, lock, permits)


async def broken():
    await run(lock_first)


async def mended():
    await run(permit_first)
