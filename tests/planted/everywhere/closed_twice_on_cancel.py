"""
A connection is closed by its user and by its context manager, and the second time is an error. Found by cancel_everywhere: wrong exception.
"""

import trio

FINDS = {"cancel_everywhere": "wrong exception"}


class Connection:
    def __init__(self):
        self.is_open = True

    def close(self):
        if not self.is_open:
            raise RuntimeError("closed twice")
        self.is_open = False

    async def __aenter__(self):
        return self

    async def __aexit__(self, *error):
        self.close()


class Calm(Connection):
    def close(self):
        self.is_open = False


async def use(connection):
    async with connection:
        try:
            await trio.sleep(1)
        except trio.Cancelled:
            connection.close()
            raise


async def broken():
    await use(Connection())


async def mended():
    await use(Calm())
