"""
A heartbeat takes the end of its sleep for a beat, whatever ended it. Found by cancel_everywhere: child swallowed.
"""

import contextlib

import trio

FINDS = {"cancel_everywhere": "child swallowed"}


async def beat(kinds):
    with contextlib.suppress(kinds):
        await trio.sleep(5)


async def run(kinds):
    async with trio.open_nursery() as nursery:
        nursery.start_soon(beat, kinds)
        await trio.sleep(1)
        await trio.sleep(1)


async def broken():
    await run((Exception, trio.Cancelled))


async def mended():
    await run(Exception)
