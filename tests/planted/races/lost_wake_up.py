"""
A consumer sees an empty queue, does something else, and then waits for a signal that came meanwhile.
"""

import trio
from trio.lowlevel import checkpoint


class Mailbox:
    def __init__(self):
        self.items = []
        self.arrived = trio.Event()

    async def put(self, item):
        await checkpoint()
        self.items.append(item)
        self.arrived.set()
        self.arrived = trio.Event()

    async def take(self):
        while not self.items:
            await checkpoint()
            await self.arrived.wait()
        return self.items.pop()

    async def take_looking_again(self):
        while not self.items:
            arrived = self.arrived
            await checkpoint()
            if not self.items:
                await arrived.wait()
        return self.items.pop()


async def deliver(mailbox, take):
    async with trio.open_nursery() as nursery:
        nursery.start_soon(mailbox.put, "letter")
        nursery.start_soon(take)


async def broken():
    mailbox = Mailbox()
    await deliver(mailbox, mailbox.take)


async def mended():
    mailbox = Mailbox()
    await deliver(mailbox, mailbox.take_looking_again)
