"""
A coordinator decides when all have voted, and counts a vote before it has looked what it says.
"""

import trio
from trio.lowlevel import checkpoint


class Coordinator:
    def __init__(self, members):
        self.members = members
        self.votes = 0
        self.refused = False
        self.outcome = None

    async def check(self, vote):
        await checkpoint()
        return vote

    async def cast(self, vote):
        self.votes += 1
        if not await self.check(vote):
            self.refused = True
        self.decide()

    async def cast_counting_last(self, vote):
        if not await self.check(vote):
            self.refused = True
        self.votes += 1
        self.decide()

    def decide(self):
        if self.votes == self.members and self.outcome is None:
            self.outcome = "abort" if self.refused else "commit"


async def run(cast):
    coordinator = Coordinator(3)
    async with trio.open_nursery() as nursery:
        for vote in (False, True, True):
            nursery.start_soon(cast, coordinator, vote)
    assert coordinator.outcome == "abort"


async def broken():
    await run(Coordinator.cast)


async def mended():
    await run(Coordinator.cast_counting_last)
