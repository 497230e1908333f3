"""
A context manager that reports errors and says that it has dealt with them. Found by cancel_everywhere: swallowed.
"""

import trio

FINDS = {"cancel_everywhere": "swallowed"}


class Reporter:
    def __init__(self, *kinds):
        self.kinds = kinds

    async def __aenter__(self):
        return self

    async def __aexit__(self, kind, exc, tb):
        return kind is not None and issubclass(kind, self.kinds)


async def broken():
    async with Reporter(BaseException):
        await trio.sleep(1)


async def mended():
    async with Reporter(Exception):
        await trio.sleep(1)
