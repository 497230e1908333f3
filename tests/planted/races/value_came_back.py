"""
A slot is taken for unchanged because its value is the same again, though two others have used it in between.
"""

import trio
from trio.lowlevel import checkpoint


class Slot:
    def __init__(self):
        self.value, self.version = "a", 0
        self.log = []

    def put(self, value):
        self.value, self.version = value, self.version + 1

    async def swap(self):
        seen, version = self.value, self.version
        await checkpoint()
        if self.value == seen:
            assert self.version == version
            self.put("mine")

    async def swap_by_version(self):
        version = self.version
        await checkpoint()
        if self.version == version:
            self.put("mine")

    async def there_and_back(self):
        await checkpoint()
        self.put("b")
        await checkpoint()
        self.put("a")


async def broken():
    slot = Slot()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(slot.swap)
        nursery.start_soon(slot.there_and_back)


async def mended():
    slot = Slot()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(slot.swap_by_version)
        nursery.start_soon(slot.there_and_back)
