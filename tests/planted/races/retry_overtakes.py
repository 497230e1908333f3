"""
A request that takes too long is sent again, and both of them arrive.
"""

import trio

SLACK = 0.05


class Shop:
    def __init__(self):
        self.orders = []

    async def order(self, number):
        await trio.sleep(0.99)
        self.orders.append(number)
        await trio.lowlevel.checkpoint()

    async def order_once(self, number):
        await trio.sleep(0.99)
        if number not in self.orders:
            self.orders.append(number)
        await trio.lowlevel.checkpoint()


async def run(order):
    shop = Shop()
    for _attempt in range(3):
        with trio.move_on_after(1) as limit:
            await order(shop, 7)
        if not limit.cancelled_caught:
            break
    assert shop.orders in ([], [7])


async def broken():
    await run(Shop.order)


async def mended():
    await run(Shop.order_once)
