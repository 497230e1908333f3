"""
A client keeps the one it asks for in an attribute, and a second call overwrites it.
"""

import itertools

import trio
from trio.lowlevel import checkpoint


class Client:
    def __init__(self):
        self.numbers = itertools.count()
        self.requests, self.inbox = trio.open_memory_channel(10)
        self.waiting = {}

    async def serve(self):
        async for number, text in self.inbox:
            await checkpoint()
            self.waiting[number].send_nowait(text.upper())

    async def ask(self, text):
        self.number = next(self.numbers)
        self.waiting[self.number], reply = trio.open_memory_channel(1)
        await checkpoint()
        await self.requests.send((self.number, text))
        return await reply.receive()

    async def ask_by_own_number(self, text):
        number = next(self.numbers)
        self.waiting[number], reply = trio.open_memory_channel(1)
        await checkpoint()
        await self.requests.send((number, text))
        return await reply.receive()


async def run(ask):
    client = Client()

    async def call(text):
        assert await ask(client, text) == text.upper()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(client.serve)
        async with trio.open_nursery() as calls:
            calls.start_soon(call, "a")
            calls.start_soon(call, "b")
        nursery.cancel_scope.cancel()


async def broken():
    await run(Client.ask)


async def mended():
    await run(Client.ask_by_own_number)
