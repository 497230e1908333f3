"""
The last user of a shared file closes it and the next one opens it, both of which take a moment, and a third finds it half open.
"""

import contextlib

import trio
from trio.lowlevel import checkpoint


async def run(guard):
    users, is_open = [0], [False]

    async def acquire():
        async with guard:
            users[0] += 1
            if not is_open[0]:
                await checkpoint()
                is_open[0] = True

    async def release():
        async with guard:
            users[0] -= 1
            if users[0] == 0:
                await checkpoint()
                is_open[0] = False

    async def use(delay):
        for _ in range(delay):
            await checkpoint()
        await acquire()
        assert is_open[0]
        await checkpoint()
        assert is_open[0]
        await release()

    async with trio.open_nursery() as nursery:
        for delay in (0, 4, 9):
            nursery.start_soon(use, delay)


async def broken():
    await run(contextlib.nullcontext())


async def mended():
    await run(trio.Lock())
