"""
A registry calls back with its lock held, and the one called waits for somebody who needs the lock.
"""

import trio
from trio.lowlevel import checkpoint


class Registry:
    def __init__(self):
        self.lock = trio.Lock()
        self.names = []

    async def add(self, name):
        async with self.lock:
            self.names.append(name)

    async def each(self, fn):
        async with self.lock:
            for name in self.names:
                await fn(name)

    async def each_of_copy(self, fn):
        async with self.lock:
            names = list(self.names)
        for name in names:
            await fn(name)


async def run(each):
    registry = Registry()
    registry.names.append("first")
    added = trio.Event()

    async def add():
        await checkpoint()
        await registry.add("second")
        added.set()

    async def wait(_name):
        await added.wait()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(add)
        nursery.start_soon(each, registry, wait)


async def broken():
    await run(Registry.each)


async def mended():
    await run(Registry.each_of_copy)
