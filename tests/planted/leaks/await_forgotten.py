"""
An `await` is forgotten, so nothing is done.
"""

import trio

KIND = "coroutine that was never awaited"

saved = []


async def save(row):
    await trio.lowlevel.checkpoint()
    saved.append(row)


async def broken(_after):
    save("row")
    await trio.lowlevel.checkpoint()


async def mended(_after):
    await save("row")
