"""
A listener that takes every end of its wait for the message to stop. Found by cancel_everywhere: child swallowed.
"""

import contextlib

import trio

FINDS = {"cancel_everywhere": "child swallowed"}


async def listen(stop):
    with contextlib.suppress(trio.Cancelled):
        await stop.wait()


async def broken():
    stop = trio.Event()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(listen, stop)
        await trio.sleep(1)
        stop.set()


async def mended():
    stop = trio.Event()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stop.wait)
        await trio.sleep(1)
        stop.set()
