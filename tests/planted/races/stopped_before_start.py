"""
A service forgets on its start that it was asked to stop before, and waits for ever.
"""

import trio
from trio.lowlevel import checkpoint


class Service:
    def __init__(self):
        self.stop = trio.Event()

    async def run(self):
        self.stop = trio.Event()
        await self.stop.wait()

    async def run_as_told(self):
        await self.stop.wait()

    async def request_stop(self):
        await checkpoint()
        await checkpoint()
        self.stop.set()


async def broken():
    service = Service()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(service.run)
        nursery.start_soon(service.request_stop)


async def mended():
    service = Service()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(service.run_as_told)
        nursery.start_soon(service.request_stop)
