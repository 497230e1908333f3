"""
A worker that never dies of an error, and not of cancellation either. Found by cancel_everywhere: child swallowed.
"""

import trio

FINDS = {"cancel_everywhere": "child swallowed"}


async def work(kinds):
    try:
        await trio.sleep(2)
    except kinds:
        return


async def broken():
    async with trio.open_nursery() as nursery:
        nursery.start_soon(work, BaseException)
        await trio.sleep(1)


async def mended():
    async with trio.open_nursery() as nursery:
        nursery.start_soon(work, Exception)
        await trio.sleep(1)
