"""
A task looks again and again for a state that others may have left by the time it looks: a livelock.
"""

import trio
from trio.lowlevel import checkpoint

MAX_STEPS = 2_000


class Machine:
    def __init__(self):
        self.state = "idle"
        self.was_ready = trio.Event()

    async def run(self):
        for self.state in ("starting", "ready", "done"):
            if self.state == "ready":
                self.was_ready.set()
            await checkpoint()
            await checkpoint()

    async def watch(self):
        while self.state != "ready":
            await checkpoint()

    async def watch_event(self):
        await self.was_ready.wait()


async def broken():
    machine = Machine()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(machine.watch)
        nursery.start_soon(machine.run)


async def mended():
    machine = Machine()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(machine.watch_event)
        nursery.start_soon(machine.run)
