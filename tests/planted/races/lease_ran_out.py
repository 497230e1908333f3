"""
A lease is looked at and then used after a wait, in which it ran out and went to another.
"""

import trio
from trio.lowlevel import checkpoint

SLACK = 0.05


class Lease:
    def __init__(self):
        self.owner, self.until = None, 0.0
        self.writers = []

    async def write(self, name):
        while self.owner not in {None, name} and trio.current_time() < self.until:
            await trio.sleep(0.02)
        self.owner, self.until = name, trio.current_time() + 0.02
        await checkpoint()
        self.writers.append((name, self.owner))

    async def write_fenced(self, name):
        while self.owner not in {None, name} and trio.current_time() < self.until:
            await trio.sleep(0.02)
        self.owner, self.until = name, trio.current_time() + 0.02
        await checkpoint()
        if self.owner == name:
            self.writers.append((name, self.owner))


async def share(lease, write):
    async with trio.open_nursery() as nursery:
        nursery.start_soon(write, "a")
        nursery.start_soon(write, "b")
    assert all(name == owner for name, owner in lease.writers)


async def broken():
    lease = Lease()
    await share(lease, lease.write)


async def mended():
    lease = Lease()
    await share(lease, lease.write_fenced)
