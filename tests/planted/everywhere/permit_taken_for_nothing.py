"""
Permits of a semaphore are taken for a batch, and given back one by one as its jobs are done. Found by both: invariant.
"""

import trio

FINDS = {"cancel_everywhere": "invariant", "fault_everywhere": "invariant"}

limits = []


async def broken():
    limit = trio.Semaphore(2)
    limits[:] = [limit]
    for _ in range(2):
        await limit.acquire()
        await trio.sleep(1)
        limit.release()


async def mended():
    limit = trio.Semaphore(2)
    limits[:] = [limit]
    for _ in range(2):
        async with limit:
            await trio.sleep(1)


def check(result):
    assert limits[0].value == 2
