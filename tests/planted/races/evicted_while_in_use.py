"""
A cache that is full throws out the oldest entry, and somebody is still reading it.
"""

import trio
from trio.lowlevel import checkpoint


class Blob:
    def __init__(self):
        self.users = 0
        self.closed = False


class Cache:
    def __init__(self, evict):
        self.blobs = {}
        self.evict = evict

    async def open(self):
        await checkpoint()
        return Blob()

    async def read(self, name):
        if name not in self.blobs:
            self.blobs[name] = await self.open()
        blob = self.blobs[name]
        if len(self.blobs) > 1:
            self.evict(self)
        blob.users += 1
        await checkpoint()
        assert not blob.closed, "a blob was closed while it was read"
        blob.users -= 1

    def evict_oldest(self):
        self.blobs.pop(next(iter(self.blobs))).closed = True

    def evict_oldest_unused(self):
        unused = [name for name, blob in self.blobs.items() if not blob.users]
        for name in unused[:1]:
            if len(self.blobs) > 1 and name != list(self.blobs)[-1]:
                self.blobs.pop(name).closed = True


async def run(evict):
    cache = Cache(evict)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(cache.read, "a")
        nursery.start_soon(cache.read, "b")


async def broken():
    await run(Cache.evict_oldest)


async def mended():
    await run(Cache.evict_oldest_unused)
