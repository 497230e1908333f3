"""
Calls for one key share one flight, which is forgotten a moment before its result is in the cache.
"""

import trio
from trio.lowlevel import checkpoint


class Loader:
    def __init__(self):
        self.cache = {}
        self.flights = {}
        self.loads = 0

    async def fetch(self, key):
        self.loads += 1
        await checkpoint()
        return key.upper()

    async def store(self, key, value):
        await checkpoint()
        self.cache[key] = value

    async def get(self, key, land):
        if key in self.cache:
            return self.cache[key]
        if key in self.flights:
            await self.flights[key].wait()
            return self.cache[key]
        self.flights[key] = trio.Event()
        value = await self.fetch(key)
        await land(key, value)
        return value

    async def forget_then_store(self, key, value):
        flight = self.flights.pop(key)
        await self.store(key, value)
        flight.set()

    async def store_then_forget(self, key, value):
        await self.store(key, value)
        self.flights.pop(key).set()


async def ask(loader, land):
    await checkpoint()
    await loader.get("a", land)


async def run(land):
    loader = Loader()
    async with trio.open_nursery() as nursery:
        for _ in range(2):
            nursery.start_soon(ask, loader, land.__get__(loader))
        nursery.start_soon(loader.get, "a", land.__get__(loader))
    assert loader.loads == 1


async def broken():
    await run(Loader.forget_then_store)


async def mended():
    await run(Loader.store_then_forget)
