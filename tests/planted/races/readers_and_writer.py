"""
The first reader closes the door behind itself a moment too late, and a writer slips in.
"""

import trio
from trio.lowlevel import checkpoint


class Page:
    def __init__(self):
        self.text = ["a", "a"]
        self.readers = 0
        self.counting = trio.Lock()
        self.room = trio.Semaphore(1)

    async def begin_reading(self):
        self.readers += 1
        if self.readers == 1:
            await self.room.acquire()

    async def begin_reading_in_turn(self):
        async with self.counting:
            self.readers += 1
            if self.readers == 1:
                await self.room.acquire()

    async def end_reading(self):
        async with self.counting:
            self.readers -= 1
            if self.readers == 0:
                self.room.release()

    async def read(self, begin):
        await begin(self)
        first = self.text[0]
        await checkpoint()
        assert first == self.text[1], "half of a page was read"
        await self.end_reading()

    async def write(self):
        async with self.room:
            for line in range(2):
                await checkpoint()
                self.text[line] = "b"


async def run(begin):
    page = Page()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(page.write)
        nursery.start_soon(page.read, begin)
        nursery.start_soon(page.read, begin)


async def broken():
    await run(Page.begin_reading)


async def mended():
    await run(Page.begin_reading_in_turn)
