"""
A function returns from the middle of `async for`, and its async generator is dropped.
"""

import contextlib

import trio

KIND = "suspended async generator"


async def lines():
    for line in ("a", "needle", "b"):
        await trio.lowlevel.checkpoint()
        yield line


async def find():
    async for line in lines():
        if line == "needle":
            return line
    return None


async def find_and_close():
    async with contextlib.aclosing(lines()) as found:
        async for line in found:
            if line == "needle":
                return line
    return None


async def broken(_after):
    assert await find() == "needle"


async def mended(_after):
    assert await find_and_close() == "needle"
