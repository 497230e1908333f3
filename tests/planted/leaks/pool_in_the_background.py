"""
A module opens its pool beside the run the first time it is used, and keeps it.
"""

import trio

from trio_run import open_pool

KIND = "worker of a pool"


async def broken(_after):
    ready = trio.Event()

    async def keep_pool():
        async with open_pool(2, name="thumbnails") as pool:
            pool.start_soon(trio.lowlevel.checkpoint)
            ready.set()
            await trio.sleep_forever()

    trio.lowlevel.spawn_system_task(keep_pool)
    await ready.wait()
    await trio.sleep(1)


async def mended(_after):
    async with open_pool(2, name="thumbnails") as pool:
        pool.start_soon(trio.lowlevel.checkpoint)
        await trio.sleep(1)
