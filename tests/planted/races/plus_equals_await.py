"""
`total += await f()` reads the total before it waits.
"""

import trio
from trio.lowlevel import checkpoint


class Report:
    def __init__(self):
        self.total = 0

    async def size(self, part):
        await checkpoint()
        return len(part)

    async def add(self, part):
        self.total += await self.size(part)

    async def add_afterwards(self, part):
        size = await self.size(part)
        self.total += size


async def run(add):
    report = Report()
    async with trio.open_nursery() as nursery:
        for part in ("one", "three"):
            nursery.start_soon(add, report, part)
    assert report.total == 8


async def broken():
    await run(Report.add)


async def mended():
    await run(Report.add_afterwards)
