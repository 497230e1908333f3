"""
Two services each wait until the other one is ready.
"""

import trio

STUCK = 2


class Service:
    def __init__(self):
        self.ready = trio.Event()

    async def run(self, other):
        await other.ready.wait()
        self.ready.set()

    async def run_first(self, other):
        self.ready.set()
        await trio.sleep(10)
        await other.ready.wait()


async def broken(nursery):
    left, right = Service(), Service()
    nursery.start_soon(left.run, right)
    nursery.start_soon(right.run, left)


async def mended(nursery):
    left, right = Service(), Service()
    nursery.start_soon(left.run_first, right)
    nursery.start_soon(right.run, left)
