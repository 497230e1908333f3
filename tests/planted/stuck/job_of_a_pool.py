"""
A job of a pool waits for a word that only the job behind it in the queue would say, and there is one worker.
"""

import trio

from trio_run import open_pool

STUCK = 3


async def run(size):
    async with open_pool(size) as pool:
        said = trio.Event()
        pool.start_soon(said.wait)

        async def say():
            said.set()

        pool.start_soon(say)


async def broken(nursery):
    nursery.start_soon(run, 1)


async def mended(nursery):
    nursery.start_soon(run, 2)
