"""
A sender lets the window close while it looks, and the acknowledgement that would open it again was the last one.
"""

import trio
from trio.lowlevel import checkpoint


class Sender:
    def __init__(self):
        self.in_flight = 0
        self.opened = trio.Event()

    async def acknowledge(self):
        for _ in range(2):
            await checkpoint()
            if self.in_flight:
                self.in_flight -= 1
                self.opened.set()

    async def send(self):
        while self.in_flight >= 1:
            await checkpoint()
            self.opened = trio.Event()
            await self.opened.wait()
        self.in_flight += 1

    async def send_renewing_at_once(self):
        while self.in_flight >= 1:
            self.opened = trio.Event()
            await self.opened.wait()
        self.in_flight += 1


async def run(send):
    sender = Sender()
    async with trio.open_nursery() as nursery:
        await send(sender)
        nursery.start_soon(sender.acknowledge)
        await send(sender)


async def broken():
    await run(Sender.send)


async def mended():
    await run(Sender.send_renewing_at_once)
