"""
A message that comes twice is to be handled once, and is remembered when that is done.
"""

import trio
from trio.lowlevel import checkpoint


class Inbox:
    def __init__(self):
        self.seen = set()
        self.paid = 0

    async def pay(self):
        await checkpoint()
        self.paid += 1

    async def receive(self, number):
        if number not in self.seen:
            await self.pay()
            self.seen.add(number)

    async def receive_remembering_first(self, number):
        if number not in self.seen:
            self.seen.add(number)
            await self.pay()


async def run(receive):
    inbox = Inbox()

    async def deliver(delays):
        for _ in range(delays):
            await checkpoint()
        await receive(inbox, 7)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(deliver, 0)
        nursery.start_soon(deliver, 3)
    assert inbox.paid == 1


async def broken():
    await run(Inbox.receive)


async def mended():
    await run(Inbox.receive_remembering_first)
