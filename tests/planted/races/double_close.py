"""
Two tasks close one connection, and both see it open while the first still flushes.
"""

import trio
from trio.lowlevel import checkpoint


class Connection:
    def __init__(self):
        self.open = True
        self.closed = 0

    async def close(self):
        if self.open:
            await checkpoint()
            self.open = False
            self.closed += 1

    async def close_once(self):
        if self.open:
            self.open = False
            await checkpoint()
            self.closed += 1


async def hang_up(connection, close):
    async with trio.open_nursery() as nursery:
        nursery.start_soon(close)
        nursery.start_soon(close)
    assert connection.closed == 1


async def broken():
    connection = Connection()
    await hang_up(connection, connection.close)


async def mended():
    connection = Connection()
    await hang_up(connection, connection.close_once)
