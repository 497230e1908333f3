"""
A debouncer starts a timer for each change, and two of them find that nothing has changed since.
"""

import trio
from trio.lowlevel import checkpoint

SLACK = 0.05


class Debouncer:
    def __init__(self):
        self.changed = 0.0
        self.saves = 0

    async def change(self, save):
        self.changed = trio.current_time()
        await trio.sleep(1)
        if trio.current_time() - self.changed >= 1:
            await save(self)

    async def save(self):
        await checkpoint()
        self.saves += 1

    async def save_once(self):
        self.changed = float("inf")
        await checkpoint()
        self.saves += 1


async def run(save):
    debouncer = Debouncer()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(debouncer.change, save)
        await trio.sleep(0.01)
        nursery.start_soon(debouncer.change, save)
    assert debouncer.saves == 1


async def broken():
    await run(Debouncer.save)


async def mended():
    await run(Debouncer.save_once)
