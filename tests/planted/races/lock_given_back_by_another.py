"""
A lease on a lock is given back by its old holder after somebody else got it.
"""

import trio
from trio.lowlevel import checkpoint

SLACK = 0.05


class Leases:
    def __init__(self):
        self.holder = None
        self.valid = {}

    async def acquire(self, who):
        while self.holder is not None and trio.current_time() < self.valid.get(self.holder, 0):
            await trio.sleep(0.5)
        now = trio.current_time()
        assert all(until <= now for until in self.valid.values()), "two have a valid lease"
        self.holder, self.valid[who] = who, now + 1

    async def release(self, who):
        await checkpoint()
        self.valid.pop(who)
        self.holder = None

    async def release_own(self, who):
        await checkpoint()
        self.valid.pop(who)
        if self.holder == who:
            self.holder = None


async def run(release):
    leases = Leases()

    async def use(who):
        await leases.acquire(who)
        await trio.sleep(0.98)
        await release(leases, who)

    async with trio.open_nursery() as nursery:
        for who in "abc":
            nursery.start_soon(use, who)


async def broken():
    await run(Leases.release)


async def mended():
    await run(Leases.release_own)
