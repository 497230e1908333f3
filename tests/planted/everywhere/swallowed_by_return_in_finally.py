"""
A return in a finally drops whatever is on its way. Found by cancel_everywhere: swallowed.
"""

import trio

FINDS = {"cancel_everywhere": "swallowed"}


async def broken():
    total = 0
    try:
        for _ in range(3):
            await trio.sleep(1)
            total += 1
    finally:
        return total  # noqa: B012


async def mended():
    total = 0
    for _ in range(3):
        await trio.sleep(1)
        total += 1
    return total
