"""
A writer takes the file of the log, and writes after the file was closed and replaced.
"""

import io

import trio
from trio.lowlevel import checkpoint


class Log:
    def __init__(self):
        self.file = io.StringIO()
        self.lock = trio.Lock()

    async def format(self, text):
        await checkpoint()
        return f"{text}\n"

    async def write(self, text):
        file = self.file
        file.write(await self.format(text))

    async def write_taking_late(self, text):
        line = await self.format(text)
        self.file.write(line)

    async def rotate(self):
        await checkpoint()
        old, self.file = self.file, io.StringIO()
        old.close()


async def run(write):
    log = Log()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(write, log, "hello")
        nursery.start_soon(log.rotate)


async def broken():
    await run(Log.write)


async def mended():
    await run(Log.write_taking_late)
