"""
Numbers are given by looking for the highest one, then storing one more.
"""

import trio
from trio.lowlevel import checkpoint


class Tickets:
    def __init__(self):
        self.sold = []

    async def sell(self):
        number = max(self.sold, default=0) + 1
        await checkpoint()
        self.sold.append(number)

    async def sell_at_once(self):
        await checkpoint()
        self.sold.append(max(self.sold, default=0) + 1)


async def open_counter(tickets, sell):
    async def queue():
        for _ in range(2):
            await sell()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(queue)
        nursery.start_soon(queue)
    assert sorted(tickets.sold) == [1, 2, 3, 4]


async def broken():
    tickets = Tickets()
    await open_counter(tickets, tickets.sell)


async def mended():
    tickets = Tickets()
    await open_counter(tickets, tickets.sell_at_once)
