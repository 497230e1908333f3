"""
An order for several goods looks at all of them, and takes them one by one.
"""

import trio
from trio.lowlevel import checkpoint


class Warehouse:
    def __init__(self):
        self.stock = {"bolt": 1, "nut": 1}

    async def take(self, goods):
        if any(self.stock[ware] < 1 for ware in goods):
            return False
        for ware in goods:
            await checkpoint()
            self.stock[ware] -= 1
        return True

    async def take_all_at_once(self, goods):
        if any(self.stock[ware] < 1 for ware in goods):
            return False
        for ware in goods:
            self.stock[ware] -= 1
        await checkpoint()
        return True


async def run(take):
    warehouse = Warehouse()

    async def shop(goods, patience):
        for _ in range(patience):
            await checkpoint()
        await take(warehouse, goods)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(shop, ["bolt", "nut"], 0)
        nursery.start_soon(shop, ["nut"], 3)
    assert min(warehouse.stock.values()) >= 0


async def broken():
    await run(Warehouse.take)


async def mended():
    await run(Warehouse.take_all_at_once)
