"""
A child uses what its parent sets only after it has started the child and waited.
"""

import trio
from trio.lowlevel import checkpoint


class Service:
    def __init__(self):
        self.address = None

    async def announce(self):
        await checkpoint()
        await checkpoint()
        assert self.address is not None


async def broken():
    service = Service()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(service.announce)
        await checkpoint()
        service.address = "here"


async def mended():
    service = Service()
    async with trio.open_nursery() as nursery:
        service.address = "here"
        nursery.start_soon(service.announce)
        await checkpoint()
