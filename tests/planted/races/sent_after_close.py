"""
A sender sees that the channel is open, prepares what it sends, and meanwhile the channel is closed.
"""

import trio
from trio.lowlevel import checkpoint


class Line:
    def __init__(self):
        self.open = True
        self.send, self.receive = trio.open_memory_channel(10)
        self.lock = trio.Lock()

    async def say(self):
        if self.open:
            await checkpoint()
            self.send.send_nowait("word")

    async def say_prepared(self):
        await checkpoint()
        if self.open:
            self.send.send_nowait("word")

    async def close(self):
        for _ in range(3):
            await checkpoint()
        self.open = False
        self.send.close()


async def broken():
    line = Line()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(line.say)
        nursery.start_soon(line.close)


async def mended():
    line = Line()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(line.say_prepared)
        nursery.start_soon(line.close)
