"""
An entry gets its number, and is written later than one with a higher number.
"""

import trio
from trio.lowlevel import checkpoint


class Log:
    def __init__(self):
        self.last = 0
        self.entries = []
        self.lock = trio.Lock()

    async def write(self, entry):
        await checkpoint()
        self.entries.append(entry)

    async def append(self, text):
        self.last += 1
        await self.write((self.last, text))

    async def append_in_turn(self, text):
        async with self.lock:
            self.last += 1
            await self.write((self.last, text))


async def run(append):
    log = Log()

    async def talk(who):
        for word in ("hello", "bye"):
            await append(log, f"{who}: {word}")

    async with trio.open_nursery() as nursery:
        for who in "abc":
            nursery.start_soon(talk, who)
    assert log.entries == sorted(log.entries)


async def broken():
    await run(Log.append)


async def mended():
    await run(Log.append_in_turn)
