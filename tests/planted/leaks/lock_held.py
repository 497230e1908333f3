"""
A lock is taken in one method and given back in another, which nobody calls.
"""

import trio

KIND = "held lock"

kept = []


class Door:
    def __init__(self):
        self.lock = trio.Lock()
        kept[:] = [self]

    async def open(self):
        await self.lock.acquire()

    def close(self):
        self.lock.release()


async def broken(_after):
    door = Door()
    await door.open()


async def mended(_after):
    door = Door()
    await door.open()
    door.close()
