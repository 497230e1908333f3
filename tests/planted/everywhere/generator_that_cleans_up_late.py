"""
A stream of rows closes its cursor when it is done, and a loop that is left early never finishes it. Found by both: leak.
"""

import contextlib

import trio

FINDS = {"cancel_everywhere": "leak", "fault_everywhere": "leak"}

streams = []


async def rows():
    try:
        for row in range(3):
            await trio.sleep(1)
            yield row
    finally:
        await trio.lowlevel.checkpoint()


async def handle(row):
    await trio.sleep(1)


async def broken():
    stream = rows()
    streams[:] = [stream]
    async for row in stream:
        await handle(row)


async def mended():
    async with contextlib.aclosing(rows()) as stream:
        async for row in stream:
            await handle(row)
