"""
A pool is closed once its queue is empty and nobody works, and a worker has taken the last job but not yet said that it works.
"""

import trio
from trio.lowlevel import checkpoint


class Pool:
    def __init__(self, jobs):
        self.jobs = list(range(jobs))
        self.busy = 0
        self.closed = False
        self.done = 0

    async def worker(self, take):
        while not self.closed:
            if self.jobs:
                await take(self)
                for _ in range(3):
                    await checkpoint()
                assert not self.closed
                self.done += 1
                self.busy -= 1
            else:
                await trio.sleep(1)

    async def take_then_say(self):
        self.jobs.pop()
        await checkpoint()
        self.busy += 1

    async def say_then_take(self):
        self.busy += 1
        self.jobs.pop()
        await checkpoint()

    async def close_when_idle(self):
        while self.jobs or self.busy:
            for _ in range(5):
                await checkpoint()
            await trio.sleep(1)
        self.closed = True


async def run(take):
    pool = Pool(jobs=5)
    async with trio.open_nursery() as nursery:
        for _ in range(6):
            nursery.start_soon(pool.worker, take)
        nursery.start_soon(pool.close_when_idle)
    assert pool.done == 5


async def broken():
    await run(Pool.take_then_say)


async def mended():
    await run(Pool.say_then_take)
