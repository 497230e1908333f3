"""
Two readers want to write, and each waits for the other to stop reading.
"""

import trio
from trio.lowlevel import checkpoint


class Document:
    def __init__(self):
        self.readers = 0
        self.words = 0
        self.changed = trio.Condition()

    async def begin(self):
        async with self.changed:
            self.readers += 1

    async def end(self):
        async with self.changed:
            self.readers -= 1
            self.changed.notify_all()

    async def upgrade(self):
        async with self.changed:
            while self.readers > 1:
                await self.changed.wait()
            self.words += 1

    async def edit(self):
        await self.begin()
        await checkpoint()
        await self.upgrade()
        await self.end()

    async def edit_letting_go(self):
        await self.begin()
        await checkpoint()
        await self.end()
        async with self.changed:
            while self.readers > 0:
                await self.changed.wait()
            self.words += 1


async def run(edit):
    document = Document()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(edit, document)
        nursery.start_soon(edit, document)
    assert document.words == 2


async def broken():
    await run(Document.edit)


async def mended():
    await run(Document.edit_letting_go)
