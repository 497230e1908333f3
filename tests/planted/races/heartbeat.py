"""
A node is declared dead after a look at its last beat, and in between there was another one.
"""

import trio
from trio.lowlevel import checkpoint


class Cluster:
    def __init__(self):
        self.beats = {"node": 0}
        self.dead = set()

    async def beat(self, node):
        await checkpoint()
        if node not in self.dead:
            self.beats[node] += 10
            await checkpoint()
            assert node not in self.dead, "a node is dead that has just been heard"

    async def ping(self, _node):
        await checkpoint()

    async def check(self, node):
        silent = self.beats[node] < 5
        await self.ping(node)
        if silent:
            self.dead.add(node)

    async def check_after_ping(self, node):
        await self.ping(node)
        if self.beats[node] < 5:
            self.dead.add(node)


async def run(check):
    cluster = Cluster()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(check, cluster, "node")
        nursery.start_soon(cluster.beat, "node")


async def broken():
    await run(Cluster.check)


async def mended():
    await run(Cluster.check_after_ping)
