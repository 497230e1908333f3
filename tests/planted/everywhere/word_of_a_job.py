"""
A job of a pool says when it is done, if it gets that far, and whoever listens knows of no other end. Found by fault_everywhere:
hang.
"""

import trio

from trio_run import open_pool

FINDS = {"fault_everywhere": "hang"}


async def careless(done):
    await trio.sleep(1)
    done.set()


async def careful(done):
    try:
        await trio.sleep(1)
    finally:
        done.set()


async def run(job):
    done = trio.Event()
    async with open_pool(1) as pool:
        pool.start_soon(job, done)
        await done.wait()


async def broken():
    await run(careless)


async def mended():
    await run(careful)
