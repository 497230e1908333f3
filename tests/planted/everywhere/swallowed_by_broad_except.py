"""
A fallback for errors that takes cancellation for one. Found by cancel_everywhere: swallowed.
"""

import trio

FINDS = {"cancel_everywhere": "swallowed"}


async def broken():
    try:
        await trio.sleep(1)
    except BaseException:  # noqa: BLE001
        return "from the cache"
    return "fresh"


async def mended():
    try:
        await trio.sleep(1)
    except Exception:  # noqa: BLE001
        return "from the cache"
    return "fresh"
