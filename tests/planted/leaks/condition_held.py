"""
The lock of a condition is held when the run is over.
"""

import trio

KIND = "held lock"

kept = []


async def broken(_after):
    changed = trio.Condition()
    kept[:] = [changed]
    await changed.acquire()
    changed.notify_all()


async def mended(_after):
    changed = trio.Condition()
    kept[:] = [changed]
    async with changed:
        changed.notify_all()
