"""
Two tasks keep each other out by Peterson's rule with its two lines exchanged: the turn is given away before the wish is made known.
"""

import trio
from trio.lowlevel import checkpoint


class Door:
    def __init__(self):
        self.wants = [False, False]
        self.turn = 0
        self.inside = 0

    async def turn_then_wish(self, me):
        self.turn = 1 - me
        await checkpoint()
        self.wants[me] = True

    async def wish_then_turn(self, me):
        self.wants[me] = True
        await checkpoint()
        self.turn = 1 - me

    async def pass_through(self, me, ask):
        for _ in range(2):
            await ask(self, me)
            await checkpoint()
            while self.wants[1 - me] and self.turn == 1 - me:
                await checkpoint()
            self.inside += 1
            assert self.inside == 1
            await checkpoint()
            self.inside -= 1
            self.wants[me] = False
            await checkpoint()


async def run(ask):
    door = Door()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(door.pass_through, 0, ask)
        nursery.start_soon(door.pass_through, 1, ask)


async def broken():
    await run(Door.turn_then_wish)


async def mended():
    await run(Door.wish_then_turn)
