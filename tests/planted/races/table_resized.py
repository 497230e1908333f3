"""
A hash table is resized while somebody puts an entry into a bucket of the old one.
"""

import trio
from trio.lowlevel import checkpoint


class Table:
    def __init__(self):
        self.buckets = [[] for _ in range(2)]

    async def hash(self, key):
        await checkpoint()
        return key * 7

    async def put(self, key):
        buckets = self.buckets
        number = await self.hash(key)
        buckets[number % len(buckets)].append(key)

    async def put_into_newest(self, key):
        number = await self.hash(key)
        self.buckets[number % len(self.buckets)].append(key)

    async def resize(self):
        await checkpoint()
        await checkpoint()
        keys = [key for bucket in self.buckets for key in bucket]
        self.buckets = [[] for _ in range(4)]
        for key in keys:
            self.buckets[key * 7 % 4].append(key)


async def run(put):
    table = Table()
    async with trio.open_nursery() as nursery:
        for key in range(3):
            nursery.start_soon(put, table, key)
        nursery.start_soon(table.resize)
    assert sorted(key for bucket in table.buckets for key in bucket) == [0, 1, 2]


async def broken():
    await run(Table.put)


async def mended():
    await run(Table.put_into_newest)
