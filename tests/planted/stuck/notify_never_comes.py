"""
Everybody waits for a condition, and the one who would notify has gone.
"""

import trio

STUCK = 2


class Shelf:
    def __init__(self):
        self.changed = trio.Condition()
        self.goods = []

    async def take(self):
        async with self.changed:
            while not self.goods:
                await self.changed.wait()
            return self.goods.pop()

    async def fill(self):
        await trio.sleep(10)
        async with self.changed:
            self.goods += "ab"
            self.changed.notify_all()


async def broken(nursery):
    shelf = Shelf()
    for _ in range(2):
        nursery.start_soon(shelf.take)


async def mended(nursery):
    shelf = Shelf()
    for _ in range(2):
        nursery.start_soon(shelf.take)
    nursery.start_soon(shelf.fill)
