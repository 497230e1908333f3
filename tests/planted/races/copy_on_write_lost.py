"""
Two tasks each replace a table by a copy with one more entry.
"""

import trio
from trio.lowlevel import checkpoint


class Routes:
    def __init__(self):
        self.table = {}

    async def resolve(self, host):
        await checkpoint()
        return f"10.0.0.{len(host)}"

    async def add(self, host):
        self.table = {**self.table, host: await self.resolve(host)}

    async def add_resolved(self, host):
        address = await self.resolve(host)
        self.table = {**self.table, host: address}


async def run(add):
    routes = Routes()
    async with trio.open_nursery() as nursery:
        for host in ("a", "bb", "ccc"):
            nursery.start_soon(add, routes, host)
    assert len(routes.table) == 3


async def broken():
    await run(Routes.add)


async def mended():
    await run(Routes.add_resolved)
