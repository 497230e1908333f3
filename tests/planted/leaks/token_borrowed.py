"""
A token of a limiter is borrowed for a connection, and the connection is closed without giving it back.
"""

import trio

KIND = "borrowed token of a limiter"

limiter = trio.CapacityLimiter(100)


class Connection:
    async def open(self):
        await limiter.acquire_on_behalf_of(self)

    def close(self):
        limiter.release_on_behalf_of(self)


async def broken(after):
    connection = Connection()
    await connection.open()
    after.callback(connection.close)


async def mended(_after):
    connection = Connection()
    await connection.open()
    connection.close()
