"""
Customers draw a ticket higher than all others and go in by number: one who is still drawing looks as if they did not want to go in.
"""

import trio
from trio.lowlevel import checkpoint


class Counter:
    def __init__(self, says_so):
        self.tickets = [0, 0, 0]
        self.drawing = [False, False, False]
        self.says_so = says_so
        self.served = 0

    async def draw(self, me):
        self.drawing[me] = self.says_so
        highest = max(self.tickets)
        await checkpoint()
        self.tickets[me] = highest + 1
        self.drawing[me] = False

    async def visit(self, me):
        await self.draw(me)
        for other in range(3):
            while self.drawing[other]:
                await checkpoint()
            await checkpoint()
            while 0 < self.tickets[other] and (self.tickets[other], other) < (self.tickets[me], me):
                await checkpoint()
        self.served += 1
        assert self.served == 1
        await checkpoint()
        self.served -= 1
        self.tickets[me] = 0


async def run(says_so):
    counter = Counter(says_so)
    async with trio.open_nursery() as nursery:
        for customer in range(3):
            nursery.start_soon(counter.visit, customer)


async def broken():
    await run(False)


async def mended():
    await run(True)
