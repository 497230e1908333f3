"""
Somebody is counted as online before the part of the code that takes them off again. Found by both: invariant.
"""

import trio

FINDS = {"cancel_everywhere": "invariant", "fault_everywhere": "invariant"}

online = set()


async def session(name, *, early):
    if early:
        online.add(name)
    await trio.sleep(1)
    try:
        online.add(name)
        await trio.sleep(1)
    finally:
        online.discard(name)


async def broken():
    online.clear()
    async with trio.open_nursery() as nursery:
        for name in ("anna", "bert"):
            nursery.start_soon(lambda name=name: session(name, early=True))
            await trio.sleep(0.5)


async def mended():
    online.clear()
    async with trio.open_nursery() as nursery:
        for name in ("anna", "bert"):
            nursery.start_soon(lambda name=name: session(name, early=False))
            await trio.sleep(0.5)


def check(result):
    assert set() == online
