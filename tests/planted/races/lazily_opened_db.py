"""
The first query opens the database, and so does the second one if it comes before that is done.
"""

import trio
from trio.lowlevel import checkpoint

opened = []


async def open_db():
    await checkpoint()
    opened.append("db")
    return opened


class Store:
    def __init__(self):
        self.db = None
        self.opening = trio.Lock()

    async def query(self):
        if self.db is None:
            self.db = await open_db()
        await checkpoint()
        return self.db

    async def query_behind_lock(self):
        async with self.opening:
            if self.db is None:
                self.db = await open_db()
        await checkpoint()
        return self.db


async def run(query):
    opened.clear()
    store = Store()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(query, store)
        await checkpoint()
        await checkpoint()
        await checkpoint()
        nursery.start_soon(query, store)
    assert len(opened) == 1


async def broken():
    await run(Store.query)


async def mended():
    await run(Store.query_behind_lock)
