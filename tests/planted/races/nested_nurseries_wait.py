"""
A worker hands a job to the one pool that it runs in itself, and waits for it: with all workers doing so nobody is left.
"""

import trio
from trio.lowlevel import checkpoint


async def job(limit, depth):
    async with limit:
        await checkpoint()
        if depth:
            await job(limit, depth - 1)


async def job_outside(limit, depth):
    async with limit:
        await checkpoint()
    if depth:
        await job_outside(limit, depth - 1)


async def run(job):
    limit = trio.Semaphore(2)
    async with trio.open_nursery() as nursery:
        for _ in range(2):
            nursery.start_soon(job, limit, 1)


async def broken():
    await run(job)


async def mended():
    await run(job_outside)
