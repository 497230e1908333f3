"""
A logger sends to a full channel with its lock held, and the reader needs the lock before it reads on.
"""

import trio
from trio.lowlevel import checkpoint


class Logger:
    def __init__(self):
        self.lock = trio.Lock()
        self.send, self.receive = trio.open_memory_channel(1)
        self.counts = {}

    async def log(self, text):
        async with self.lock:
            self.counts[text] = self.counts.get(text, 0) + 1
            await self.send.send(text)

    async def log_outside(self, text):
        async with self.lock:
            self.counts[text] = self.counts.get(text, 0) + 1
        await self.send.send(text)

    async def write(self):
        async for text in self.receive:
            async with self.lock:
                self.counts[text] -= 1
            await checkpoint()


async def run(log):
    logger = Logger()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(logger.write)
        async with logger.send, trio.open_nursery() as writers:
            for text in "abc":
                writers.start_soon(log, logger, text)


async def broken():
    await run(Logger.log)


async def mended():
    await run(Logger.log_outside)
