"""
A retry loop takes each cancellation for a time-out of its own, and tries again. Found by cancel_everywhere: swallowed.
"""

import trio

FINDS = {"cancel_everywhere": "swallowed"}


async def fetch():
    await trio.sleep(1)


async def broken():
    for _ in range(3):
        try:
            await fetch()
        except trio.Cancelled:
            continue
        return


async def mended():
    for _ in range(3):
        with trio.move_on_after(2) as limit:
            await fetch()
        if not limit.cancelled_caught:
            return
