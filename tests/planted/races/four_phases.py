"""
A migration in four phases is right unless a reader passes through it at just the wrong three moments.
"""

import trio
from trio.lowlevel import checkpoint


class Store:
    def __init__(self):
        self.old = {"a": 1}
        self.new = {}
        self.reads = "old"

    async def migrate(self):
        await checkpoint()
        self.new = dict(self.old)
        await checkpoint()
        self.reads = "new"
        await checkpoint()
        self.old.clear()

    async def write(self, key, value):
        target = self.old if self.reads == "old" else self.new
        await checkpoint()
        target[key] = value
        return value

    async def write_to_both(self, key, value):
        await checkpoint()
        self.old[key] = self.new[key] = value
        return value

    async def read(self, key):
        await checkpoint()
        return (self.old if self.reads == "old" else self.new).get(key)


async def run(write):
    store = Store()

    async def client():
        for value in (2, 3):
            await write(store, "a", value)
        for _ in range(3):
            assert await store.read("a") == 3

    async with trio.open_nursery() as nursery:
        nursery.start_soon(store.migrate)
        nursery.start_soon(client)


async def broken():
    await run(Store.write)


async def mended():
    await run(Store.write_to_both)
