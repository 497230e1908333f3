"""
A clean-up waits first, without a shield, and keeps its books afterwards. Found by both: invariant.
"""

import trio

FINDS = {"cancel_everywhere": "invariant", "fault_everywhere": "invariant"}

online = set()


async def send(word):
    await trio.lowlevel.checkpoint()


async def broken():
    online.clear()
    online.add("ann")
    try:
        await trio.sleep(1)
    finally:
        await send("bye")
        online.discard("ann")


async def mended():
    online.clear()
    online.add("ann")
    try:
        await trio.sleep(1)
    finally:
        online.discard("ann")
        await send("bye")


def check(result):
    assert online == set()
