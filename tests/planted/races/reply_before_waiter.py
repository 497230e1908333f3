"""
A request is sent before it is noted who waits for the reply, and the reply is quicker.
"""

import trio
from trio.lowlevel import checkpoint


class Client:
    def __init__(self):
        self.requests, self.inbox = trio.open_memory_channel(1)
        self.waiters = {}

    async def call(self):
        await self.requests.send(1)
        await checkpoint()
        reply = self.waiters[1] = trio.Event()
        await reply.wait()

    async def call_noted(self):
        reply = self.waiters[1] = trio.Event()
        await self.requests.send(1)
        await checkpoint()
        await reply.wait()

    async def serve(self):
        number = await self.inbox.receive()
        await checkpoint()
        await checkpoint()
        if number in self.waiters:
            self.waiters[number].set()


async def broken():
    client = Client()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(client.serve)
        nursery.start_soon(client.call)


async def mended():
    client = Client()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(client.serve)
        nursery.start_soon(client.call_noted)
