"""
A task is taken to be done after a few checkpoints.
"""

import trio
from trio.lowlevel import checkpoint


async def work(done):
    await checkpoint()
    await checkpoint()
    done.set()


async def broken():
    done = trio.Event()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(work, done)
        for _ in range(5):
            await checkpoint()
        assert done.is_set()


async def mended():
    done = trio.Event()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(work, done)
        await done.wait()
        assert done.is_set()
