"""
The cache asks the database with its lock held, and the database tells the cache of changes with its own held.
"""

import trio
from trio.lowlevel import checkpoint


class Cache:
    def __init__(self, db):
        self.db = db
        self.lock = trio.Lock()
        self.rows = {}

    async def get(self, key):
        async with self.lock:
            if key not in self.rows:
                self.rows[key] = await self.db.read(key)
            return self.rows[key]

    async def drop(self, key):
        async with self.lock:
            self.rows.pop(key, None)


class Database:
    def __init__(self):
        self.lock = trio.Lock()
        self.rows = {"a": 1}

    async def read(self, key):
        async with self.lock:
            await checkpoint()
            return self.rows[key]

    async def write(self, key, value, cache):
        async with self.lock:
            self.rows[key] = value
            await cache.drop(key)

    async def write_then_tell(self, key, value, cache):
        async with self.lock:
            self.rows[key] = value
        await cache.drop(key)


async def run(write):
    db = Database()
    cache = Cache(db)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(cache.get, "a")
        nursery.start_soon(write, db, "a", 2, cache)


async def broken():
    await run(Database.write)


async def mended():
    await run(Database.write_then_tell)
