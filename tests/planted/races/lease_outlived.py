"""
A node works on under a lease that ran out, since its work took longer than it should, and writes after another has.
"""

import trio
from trio.lowlevel import checkpoint

SLACK = 3


class Store:
    def __init__(self):
        self.until, self.epoch = 0.0, 0
        self.writes = []

    def acquire(self, seconds):
        if trio.current_time() < self.until:
            return None
        self.until = trio.current_time() + seconds
        self.epoch += 1
        return self.epoch

    def write(self, epoch):
        self.writes.append(epoch)


class FencedStore(Store):
    def write(self, epoch):
        if epoch == self.epoch:
            self.writes.append(epoch)


async def node(store):
    for _ in range(6):
        epoch = store.acquire(1)
        if epoch is not None:
            await trio.sleep(0.5)
            await checkpoint()
            store.write(epoch)
            return
        await trio.sleep(0.4)


async def share(store):
    async with trio.open_nursery() as nursery:
        nursery.start_soon(node, store)
        nursery.start_soon(node, store)
    assert store.writes == sorted(store.writes)


async def broken():
    await share(Store())


async def mended():
    await share(FencedStore())
