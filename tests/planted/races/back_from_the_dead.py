"""
A late write brings back what was deleted.
"""

import trio
from trio.lowlevel import checkpoint


class Store:
    def __init__(self):
        self.rows = {"a": 1}

    async def load(self, key):
        await checkpoint()
        return self.rows.get(key)

    async def increment(self, key):
        value = await self.load(key)
        if value is not None:
            await checkpoint()
            self.rows[key] = value + 1

    async def increment_if_there(self, key):
        value = await self.load(key)
        if value is not None:
            await checkpoint()
            if key in self.rows:
                self.rows[key] = value + 1

    async def delete(self, key):
        await checkpoint()
        del self.rows[key]


async def run(increment):
    store = Store()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(increment, store, "a")
        nursery.start_soon(store.delete, "a")
    assert store.rows == {}


async def broken():
    await run(Store.increment)


async def mended():
    await run(Store.increment_if_there)
