"""
A loop that cannot be stopped, since it tries again whatever happens. Found by cancel_everywhere: livelock.
"""

import trio

FINDS = {"cancel_everywhere": "livelock"}


async def broken():
    while True:
        try:
            await trio.sleep(1)
        except BaseException:  # noqa: BLE001, S112
            continue
        return


async def mended():
    while True:
        try:
            await trio.sleep(1)
        except Exception:  # noqa: BLE001, S112
            continue
        return
