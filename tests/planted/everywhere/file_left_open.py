"""
A file is closed only if all goes well. Found by both: leak.
"""

import os

import trio

FINDS = {"cancel_everywhere": "leak", "fault_everywhere": "leak"}


async def broken():
    number = os.open(__file__, os.O_RDONLY)
    await trio.sleep(1)
    os.close(number)


async def mended():
    number = os.open(__file__, os.O_RDONLY)
    try:
        await trio.sleep(1)
    finally:
        os.close(number)
