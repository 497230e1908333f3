"""
A cache looks, waits for what it does not have, and keeps it: two tasks load the same thing.
"""

import trio
from trio.lowlevel import checkpoint


class Cache:
    def __init__(self):
        self.found = {}
        self.loads = 0
        self.lock = trio.Lock()

    async def get(self, key):
        if key not in self.found:
            self.loads += 1
            await checkpoint()
            self.found[key] = key * 2
        return self.found[key]

    async def get_locked(self, key):
        async with self.lock:
            return await self.get(key)


async def read(cache, get):
    async with trio.open_nursery() as nursery:
        nursery.start_soon(get, 1)
        await checkpoint()
        await checkpoint()
        await get(1)
    assert cache.loads == 1


async def broken():
    cache = Cache()
    await read(cache, cache.get)


async def mended():
    cache = Cache()
    await read(cache, cache.get_locked)
