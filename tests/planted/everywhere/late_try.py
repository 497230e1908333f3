"""
Between what is opened and the try there is a checkpoint. Found by both: invariant.
"""

import trio

FINDS = {"cancel_everywhere": "invariant", "fault_everywhere": "invariant"}

opened = []


async def broken():
    opened[:] = ["port"]
    await trio.lowlevel.checkpoint()
    try:
        await trio.sleep(1)
    finally:
        opened.clear()


async def mended():
    opened[:] = ["port"]
    try:
        await trio.lowlevel.checkpoint()
        await trio.sleep(1)
    finally:
        opened.clear()


def check(result):
    assert [] == opened
