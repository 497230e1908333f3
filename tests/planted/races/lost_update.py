"""
Three tasks add one to a number that they read before a wait and write after it.
"""

import trio
from trio.lowlevel import checkpoint


class Counter:
    def __init__(self):
        self.value = 0
        self.lock = trio.Lock()

    async def add(self):
        before = self.value
        await checkpoint()
        await checkpoint()
        self.value = before + 1

    async def add_locked(self):
        async with self.lock:
            await self.add()


async def count(counter, add):
    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(add)
    assert counter.value == 3


async def broken():
    counter = Counter()
    await count(counter, counter.add)


async def mended():
    counter = Counter()
    await count(counter, counter.add_locked)
