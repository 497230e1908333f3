"""
Two nodes find no leader, wait to be sure, and both become one.
"""

import trio
from trio.lowlevel import checkpoint


class Cluster:
    def __init__(self):
        self.leader = None
        self.elected = []

    async def elect(self, node):
        if self.leader is None:
            await checkpoint()
            self.leader = node
            self.elected.append(node)

    async def elect_again(self, node):
        await checkpoint()
        if self.leader is None:
            self.leader = node
            self.elected.append(node)


async def vote(cluster, elect):
    async with trio.open_nursery() as nursery:
        nursery.start_soon(elect, 1)
        nursery.start_soon(elect, 2)
    assert len(cluster.elected) == 1


async def broken():
    cluster = Cluster()
    await vote(cluster, cluster.elect)


async def mended():
    cluster = Cluster()
    await vote(cluster, cluster.elect_again)
