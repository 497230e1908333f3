"""
An async generator is dropped in the middle, and nobody closes it. Found by both: leak.
"""

import contextlib

import trio

FINDS = {"cancel_everywhere": "leak", "fault_everywhere": "leak"}


async def ticks():
    for tick in range(3):
        yield tick


kept = []


async def broken():
    generator = ticks()
    kept[:] = [generator]
    async for _ in generator:
        await trio.sleep(1)


async def mended():
    async with contextlib.aclosing(ticks()) as generator:
        async for _ in generator:
            await trio.sleep(1)
