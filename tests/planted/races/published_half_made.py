"""
A service is entered in the registry before it is ready, and who finds it there uses it.
"""

import trio
from trio.lowlevel import checkpoint


class Registry:
    def __init__(self):
        self.services = {}

    async def publish(self):
        service = self.services["db"] = {}
        await checkpoint()
        service["ready"] = True

    async def publish_ready(self):
        service = {}
        await checkpoint()
        service["ready"] = True
        self.services["db"] = service

    async def use(self):
        for _ in range(4):
            await checkpoint()
        if "db" in self.services:
            assert self.services["db"]["ready"]


async def broken():
    registry = Registry()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(registry.publish)
        nursery.start_soon(registry.use)


async def mended():
    registry = Registry()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(registry.publish_ready)
        nursery.start_soon(registry.use)
