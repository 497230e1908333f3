"""
Whoever is cancelled is told of a timeout that never was. Found by cancel_everywhere: wrong exception.
"""

import trio

FINDS = {"cancel_everywhere": "wrong exception"}


class TooLate(Exception):
    pass


async def broken():
    try:
        with trio.move_on_after(5):
            await trio.sleep(1)
    except trio.Cancelled:
        raise TooLate from None


async def mended():
    with trio.move_on_after(5) as scope:
        await trio.sleep(1)
    if scope.cancelled_caught:
        raise TooLate
