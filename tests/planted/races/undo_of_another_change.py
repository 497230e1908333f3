"""
A change that fails puts back what it found, and with it undoes the change of somebody else.
"""

import trio
from trio.lowlevel import checkpoint


class Settings:
    def __init__(self):
        self.values = {"colour": "red", "size": 1}

    async def validate(self, values):
        await checkpoint()
        if values["size"] > 10:
            raise ValueError

    async def change(self, **changes):
        before = dict(self.values)
        self.values |= changes
        try:
            await self.validate(self.values)
        except ValueError:
            self.values = before

    async def change_after_validation(self, **changes):
        try:
            await self.validate(self.values | changes)
        except ValueError:
            return
        self.values |= changes


async def run(change):
    settings = Settings()

    async def paint():
        await checkpoint()
        await checkpoint()
        await change(settings, colour="blue")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(change, settings)
        nursery.start_soon(paint)
        await checkpoint()
        nursery.start_soon(lambda: change(settings, size=100))
    assert settings.values == {"colour": "blue", "size": 1}


async def broken():
    await run(Settings.change)


async def mended():
    await run(Settings.change_after_validation)
