"""
A node looks whether it leads, prepares an entry and writes it, and was replaced and is written behind its successor meanwhile.
"""

import trio
from trio.lowlevel import checkpoint


class Cluster:
    def __init__(self, fenced):
        self.now = self.until = self.epoch = 0
        self.leader = None
        self.log = []
        self.fenced = fenced

    async def clock(self):
        for _ in range(15):
            await checkpoint()
            self.now += 1

    async def node(self, name):
        for _ in range(4):
            if self.leader is None or self.until <= self.now:
                self.leader, self.until = name, self.now + 6
                self.epoch += 1
            epoch = self.epoch
            if self.leader == name:
                await checkpoint()
                if self.epoch == epoch or not self.fenced:
                    self.log.append(epoch)
            await checkpoint()


async def run(fenced):
    cluster = Cluster(fenced)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(cluster.clock)
        nursery.start_soon(cluster.node, "a")
        nursery.start_soon(cluster.node, "b")
    assert cluster.log == sorted(cluster.log)


async def broken():
    await run(False)


async def mended():
    await run(True)
