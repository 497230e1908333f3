"""
Two actors ask each other, and neither reads its inbox while it waits for an answer.
"""

import trio
from trio.lowlevel import checkpoint


class Actor:
    def __init__(self, name):
        self.name = name
        self.lock = trio.Lock()

    async def ask(self, other):
        async with self.lock:  # One message at a time.
            await checkpoint()
            return await other.answer()

    async def ask_outside(self, other):
        async with self.lock:
            await checkpoint()
        return await other.answer()

    async def answer(self):
        async with self.lock:
            return self.name


async def run(ask):
    left, right = Actor("left"), Actor("right")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask, left, right)
        nursery.start_soon(ask, right, left)


async def broken():
    await run(Actor.ask)


async def mended():
    await run(Actor.ask_outside)
