"""
Who is woken by a condition does not look again whether it holds, and somebody who never waited was quicker.
"""

import trio
from trio.lowlevel import checkpoint


class Shelf:
    def __init__(self):
        self.goods = []
        self.filled = trio.Condition()

    async def put(self):
        async with self.filled:
            self.goods.append("ware")
            self.filled.notify_all()

    async def steal(self):
        async with self.filled:
            if self.goods:
                self.goods.pop()

    async def take(self):
        async with self.filled:
            if not self.goods:
                await self.filled.wait()
            self.goods.pop()

    async def take_looking_again(self):
        async with self.filled:
            while not self.goods:
                await self.filled.wait()
            self.goods.pop()


async def trade(shelf, take):
    async with trio.open_nursery() as nursery:
        nursery.start_soon(take)
        nursery.start_soon(shelf.steal)
        await checkpoint()
        await shelf.put()
        await shelf.put()


async def broken():
    shelf = Shelf()
    await trade(shelf, shelf.take)


async def mended():
    shelf = Shelf()
    await trade(shelf, shelf.take_looking_again)
