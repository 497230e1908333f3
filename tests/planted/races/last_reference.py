"""
The last user closes a shared connection, which takes a moment, and a new user gets it meanwhile.
"""

import trio
from trio.lowlevel import checkpoint


class Connection:
    def __init__(self):
        self.open = True

    async def close(self):
        await checkpoint()
        self.open = False


class Shared:
    def __init__(self):
        self.connection = None
        self.users = 0

    def acquire(self):
        if self.connection is None:
            self.connection = Connection()
        self.users += 1
        return self.connection

    async def release(self):
        self.users -= 1
        if self.users == 0:
            await self.connection.close()
            self.connection = None

    async def release_letting_go_first(self):
        self.users -= 1
        if self.users == 0:
            connection, self.connection = self.connection, None
            await connection.close()


async def run(release):
    shared = Shared()

    async def use():
        connection = shared.acquire()
        await checkpoint()
        assert connection.open, "a closed connection was handed out"
        await release(shared)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(use)
        nursery.start_soon(use)


async def broken():
    await run(Shared.release)


async def mended():
    await run(Shared.release_letting_go_first)
