"""
Cancellations are taken out of a group of errors, and where nothing else is left it counts as none. Found by cancel_everywhere:
swallowed.
"""

import trio

FINDS = {"cancel_everywhere": "swallowed"}


async def run(kind):
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep, 1)
            nursery.start_soon(trio.sleep, 2)
    except kind as group:
        errors = group.split(trio.Cancelled)[1]
        if errors is not None:
            raise errors from None


async def broken():
    await run(BaseExceptionGroup)


async def mended():
    await run(ExceptionGroup)
