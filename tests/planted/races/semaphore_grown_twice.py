"""
A pool that is short of workers starts one more, and everybody who sees the shortage does.
"""

import trio
from trio.lowlevel import checkpoint


class Pool:
    def __init__(self):
        self.workers = 0
        self.waiting = 0

    async def start_worker(self):
        await checkpoint()
        self.workers += 1

    async def submit(self):
        self.waiting += 1
        if self.workers < 1:
            await self.start_worker()
        await checkpoint()
        self.waiting -= 1

    async def submit_alone(self, lock):
        self.waiting += 1
        async with lock:
            if self.workers < 1:
                await self.start_worker()
        self.waiting -= 1


async def broken():
    pool = Pool()

    async def client(delay):
        for _ in range(delay):
            await checkpoint()
        await pool.submit()

    async with trio.open_nursery() as nursery:
        for delay in (0, 2, 4):
            nursery.start_soon(client, delay)
    assert pool.workers <= 1


async def mended():
    pool, lock = Pool(), trio.Lock()
    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(pool.submit_alone, lock)
    assert pool.workers <= 1
