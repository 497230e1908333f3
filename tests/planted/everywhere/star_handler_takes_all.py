"""
An error handler for groups takes the cancellations in them as well. Found by cancel_everywhere: swallowed.
"""

import trio

FINDS = {"cancel_everywhere": "swallowed"}


async def broken():
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep, 1)
            nursery.start_soon(trio.sleep, 2)
    except* BaseException:  # noqa: BLE001, S110
        pass


async def mended():
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep, 1)
            nursery.start_soon(trio.sleep, 2)
    except* ConnectionError:
        pass
