"""
A coordinator gives up on votes after a while, tells those who voted to abort, and a vote that came in between turns the rest.
"""

import math

import trio
from trio.lowlevel import checkpoint


class Election:
    def __init__(self):
        self.votes = []
        self.orders = {}
        self.ends = [trio.open_memory_channel(math.inf) for _ in range(4)]

    async def member(self, number):
        for _ in range(number):
            await checkpoint()
        self.votes.append(number)
        async for order in self.ends[number][1]:
            self.orders[number] = order

    def verdict(self):
        return "commit" if len(self.votes) == 4 else "abort"

    async def coordinator(self, keeps_to_it):
        for _ in range(12):
            await checkpoint()
        verdict = self.verdict()
        for number in range(4):
            if number in self.votes:
                await self.ends[number][0].send(verdict)
            else:
                await checkpoint()
                await self.ends[number][0].send(verdict if keeps_to_it else self.verdict())
            self.ends[number][0].close()


async def run(keeps_to_it):
    election = Election()
    async with trio.open_nursery() as nursery:
        for number in range(4):
            nursery.start_soon(election.member, number)
        nursery.start_soon(election.coordinator, keeps_to_it)
    assert len(set(election.orders.values())) == 1


async def broken():
    await run(False)


async def mended():
    await run(True)
