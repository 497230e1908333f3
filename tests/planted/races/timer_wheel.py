"""
A timer goes off after it was cancelled, since it was on the list of those that are due.
"""

import trio
from trio.lowlevel import checkpoint


class Wheel:
    def __init__(self):
        self.timers = {"a": 1, "b": 1}
        self.fired = []

    async def fire(self, name):
        self.fired.append(name)
        await checkpoint()

    async def turn(self, now):
        due = [name for name, when in self.timers.items() if when <= now]
        for name in due:
            self.timers.pop(name, None)
            await self.fire(name)

    async def turn_one_by_one(self, now):
        while due := [name for name, when in self.timers.items() if when <= now]:
            self.timers.pop(due[0])
            await self.fire(due[0])

    async def cancel(self, name):
        await checkpoint()
        cancelled = self.timers.pop(name, None) is not None
        before = list(self.fired)
        for _ in range(3):
            await checkpoint()
        assert not cancelled or before.count(name) == self.fired.count(name), "a cancelled timer went off"


async def run(turn):
    wheel = Wheel()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(turn, wheel, 1)
        nursery.start_soon(wheel.cancel, "b")


async def broken():
    await run(Wheel.turn)


async def mended():
    await run(Wheel.turn_one_by_one)
