"""
What failed once is tried again at once, and fails again since nobody connects anew. Found by fault_everywhere: livelock.
"""

import trio

FINDS = {"fault_everywhere": "livelock"}
OPTIONS = {"max_steps": 2000}


async def fetch(link):
    await trio.lowlevel.checkpoint()
    if not link:
        raise ConnectionError
    try:
        await trio.sleep(1)
    except Exception:
        link.clear()
        raise


async def broken():
    link = ["open"]
    while True:
        try:
            await fetch(link)
        except Exception:  # noqa: BLE001, S112
            continue
        return


async def mended():
    link = ["open"]
    while True:
        try:
            await fetch(link)
        except Exception:  # noqa: BLE001
            link[:] = ["open"]
            continue
        return
