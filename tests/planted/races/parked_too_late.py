"""
Who is to be woken is not parked yet, and a parking lot remembers no wake-up.
"""

import trio
from trio.lowlevel import ParkingLot, checkpoint


class Gate:
    def __init__(self):
        self.lot = ParkingLot()
        self.is_open = False

    async def open(self):
        await checkpoint()
        self.is_open = True
        self.lot.unpark_all()

    async def greet(self):
        await checkpoint()

    async def enter(self):
        if not self.is_open:
            await self.greet()
            await self.lot.park()

    async def enter_looking_last(self):
        await self.greet()
        if not self.is_open:
            await self.lot.park()


async def run(enter):
    gate = Gate()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(enter, gate)
        nursery.start_soon(gate.open)


async def broken():
    await run(Gate.enter)


async def mended():
    await run(Gate.enter_looking_last)
