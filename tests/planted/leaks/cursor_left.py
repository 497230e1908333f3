"""
The first row is taken from a cursor that is an async generator, and the cursor is kept.
"""

import contextlib

import trio

KIND = "suspended async generator"


async def rows():
    for number in range(3):
        await trio.lowlevel.checkpoint()
        yield number


async def broken(after):
    cursor = rows()
    after.push(lambda *_: cursor and None)
    assert await anext(cursor) == 0


async def mended(_after):
    async with contextlib.aclosing(rows()) as cursor:
        assert await anext(cursor) == 0
