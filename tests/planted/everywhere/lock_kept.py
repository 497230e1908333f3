"""
A lock is released only where all goes well. Found by both: invariant.
"""

import trio

FINDS = {"cancel_everywhere": "invariant", "fault_everywhere": "invariant"}

locks = []


async def broken():
    lock = trio.Lock()
    locks[:] = [lock]
    await lock.acquire()
    await trio.sleep(1)
    lock.release()


async def mended():
    lock = trio.Lock()
    locks[:] = [lock]
    async with lock:
        await trio.sleep(1)


def check(result):
    assert not locks[0].locked()
