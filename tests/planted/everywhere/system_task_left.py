"""
A task beside the run is told to end only if all goes well. Found by both: leak.
"""

import trio

FINDS = {"cancel_everywhere": "leak", "fault_everywhere": "leak"}


async def broken():
    stop = trio.Event()
    trio.lowlevel.spawn_system_task(stop.wait)
    await trio.sleep(1)
    stop.set()
    await trio.sleep(1)


async def mended():
    stop, gone = trio.Event(), trio.Event()

    async def wait():
        await stop.wait()
        gone.set()

    trio.lowlevel.spawn_system_task(wait)
    try:
        await trio.sleep(1)
    finally:
        stop.set()
        with trio.move_on_after(1, shield=True):
            await gone.wait()
    await trio.sleep(1)
