"""
The clean-up waits, and so is cancelled itself. Found by cancel_everywhere: invariant.
"""

import trio

FINDS = {"cancel_everywhere": "invariant"}

lent = []


async def give_back(thing):
    await trio.sleep(0.1)
    lent.remove(thing)


async def broken():
    lent[:] = ["connection"]
    try:
        await trio.sleep(1)
    finally:
        await give_back("connection")


async def mended():
    lent[:] = ["connection"]
    try:
        await trio.sleep(1)
    finally:
        with trio.move_on_after(5, shield=True):
            await give_back("connection")


def check(result):
    assert [] == lent
