"""
Two tasks keep each other out by flags that they raise a moment after they looked at that of the other.
"""

import trio
from trio.lowlevel import checkpoint


class Room:
    def __init__(self):
        self.flags = [False, False]
        self.inside = 0

    async def enter(self, me):
        while self.flags[1 - me]:
            await checkpoint()
        await checkpoint()
        self.flags[me] = True

    async def enter_at_once(self, me):
        while self.flags[1 - me]:
            await checkpoint()
        self.flags[me] = True
        await checkpoint()

    async def visit(self, me, enter):
        for _ in range(2):
            await enter(self, me)
            self.inside += 1
            assert self.inside == 1
            await checkpoint()
            self.inside -= 1
            self.flags[me] = False
            await checkpoint()


async def run(enter):
    room = Room()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(room.visit, 0, enter)
        await checkpoint()
        await checkpoint()
        nursery.start_soon(room.visit, 1, enter)


async def broken():
    await run(Room.enter)


async def mended():
    await run(Room.enter_at_once)
