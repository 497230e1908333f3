"""
Two of eight tasks count something, each once and at another time, and read the counter a moment before they write it.
"""

import trio
from trio.lowlevel import checkpoint


async def work(steps):
    for _ in range(steps):
        await checkpoint()


async def run(together):
    counter = [0]

    async def count(before):
        await work(before)
        if together:
            counter[0] += 1
            await checkpoint()
        else:
            number = counter[0]
            await checkpoint()
            counter[0] = number + 1
        await work(18 - before)

    async with trio.open_nursery() as nursery:
        for before in (None, 3, None, None, 14, None, None, None):
            if before is None:
                nursery.start_soon(work, 20)
            else:
                nursery.start_soon(count, before)
    assert counter[0] == 2


async def broken():
    await run(False)


async def mended():
    await run(True)
