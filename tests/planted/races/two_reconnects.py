"""
Two users of a broken connection both make a new one, and the second throws away the good one of the first.
"""

import trio
from trio.lowlevel import checkpoint


class Link:
    def __init__(self):
        self.number = 0
        self.broken = True
        self.lock = trio.Lock()

    async def use(self):
        if self.broken:
            await checkpoint()
            self.number += 1
            self.broken = False

    async def use_locked(self):
        async with self.lock:
            await self.use()


async def talk(link, use):
    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(use)
    assert link.number == 1


async def broken():
    link = Link()
    await talk(link, link.use)


async def mended():
    link = Link()
    await talk(link, link.use_locked)
