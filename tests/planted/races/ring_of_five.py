"""
Five share five tools, each takes that on the left and then that on the right, and there is room for five at the table.
"""

import trio
from trio.lowlevel import checkpoint


async def run(seats):
    tools, room = [trio.Lock() for _ in range(5)], trio.Semaphore(seats)

    async def work(left, right):
        async with room, left:
            await checkpoint()
            async with right:
                await checkpoint()

    async with trio.open_nursery() as nursery:
        for number in range(5):
            nursery.start_soon(work, tools[number], tools[number - 1])


async def broken():
    await run(5)


async def mended():
    await run(4)
