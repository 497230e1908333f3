"""
A pool looks whether there is room, connects, and counts the connection only then.
"""

import trio
from trio.lowlevel import checkpoint


class Pool:
    def __init__(self, size):
        self.size = size
        self.idle = []
        self.open = 0
        self.most = 0
        self.returned = trio.Condition()

    async def connect(self):
        await checkpoint()
        return object()

    def count(self):
        self.open += 1
        self.most = max(self.most, self.open)

    async def acquire(self):
        async with self.returned:
            while not self.idle and self.open >= self.size:
                await self.returned.wait()
            if self.idle:
                return self.idle.pop()
        connection = await self.connect()
        self.count()
        return connection

    async def acquire_counting_first(self):
        async with self.returned:
            while not self.idle and self.open >= self.size:
                await self.returned.wait()
            if self.idle:
                return self.idle.pop()
            self.count()
        return await self.connect()

    async def release(self, connection):
        async with self.returned:
            self.idle.append(connection)
            self.returned.notify()


async def query(pool, acquire):
    connection = await acquire()
    await checkpoint()
    await pool.release(connection)


async def run(acquire):
    pool = Pool(1)
    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(query, pool, acquire.__get__(pool))
    assert pool.most <= 1


async def broken():
    await run(Pool.acquire)


async def mended():
    await run(Pool.acquire_counting_first)
