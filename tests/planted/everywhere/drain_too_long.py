"""
A shutdown has a bound, and the bound is an hour. Found by cancel_everywhere: hang.
"""

import trio

FINDS = {"cancel_everywhere": "hang"}


async def run(seconds):
    try:
        await trio.sleep(1)
    finally:
        with trio.move_on_after(seconds, shield=True):
            await trio.sleep(seconds / 2 if trio.current_effective_deadline() > trio.current_time() else 0)


async def broken():
    await run(3600)


async def mended():
    await run(5)
