"""
An async file is opened and left to the collector of garbage.
"""

import trio

KIND = "resource that the garbage collector had to close"


async def broken(_after):
    file = await trio.open_file(__file__)
    await file.readline()


async def mended(_after):
    async with await trio.open_file(__file__) as file:
        await file.readline()
