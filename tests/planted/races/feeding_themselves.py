"""
Workers send what is left to do into the channel that they read from: once it is full and all of them send, nobody reads.
"""

import math

import trio
from trio.lowlevel import checkpoint


async def run(size):
    send, receive = trio.open_memory_channel(size)
    left, done = [7], trio.Event()

    async def work():
        async for depth in receive:
            await checkpoint()
            for _ in range(2 if depth else 0):
                await send.send(depth - 1)
            left[0] -= 1
            if left[0] == 0:
                done.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(work)
        nursery.start_soon(work)
        await send.send(2)
        await done.wait()
        send.close()


async def broken():
    await run(2)


async def mended():
    await run(math.inf)
