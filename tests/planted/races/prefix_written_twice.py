"""
Workers finish in any order, and who finishes writes what is complete: two of them write the same entries.
"""

import trio
from trio.lowlevel import checkpoint


async def run(writers):
    done, written = {}, []

    async def flush():
        while len(written) in done:
            entry = done[len(written)]
            await checkpoint()
            written.append(entry)

    async def work(first):
        for number in range(first, 9, 3):
            for _ in range(1 + number * 7 % 4):
                await checkpoint()
            done[number] = number
            async with writers:
                await flush()

    async with trio.open_nursery() as nursery:
        for first in range(3):
            nursery.start_soon(work, first)
    assert written == list(range(9))


async def broken():
    await run(trio.CapacityLimiter(3))


async def mended():
    await run(trio.CapacityLimiter(1))
