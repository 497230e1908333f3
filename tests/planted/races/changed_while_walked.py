"""
A table is walked through with a wait for each entry, while another task adds to it.
"""

import trio
from trio.lowlevel import checkpoint


class Rooms:
    def __init__(self):
        self.members = {"ann": 1, "bob": 2}

    async def shout(self):
        for _ in self.members:
            await checkpoint()

    async def shout_to_copy(self):
        for _ in list(self.members):
            await checkpoint()

    async def join(self):
        for _ in range(4):
            await checkpoint()
        self.members["eve"] = 3


async def broken():
    rooms = Rooms()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(rooms.join)
        nursery.start_soon(rooms.shout)


async def mended():
    rooms = Rooms()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(rooms.join)
        nursery.start_soon(rooms.shout_to_copy)
