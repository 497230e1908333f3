"""
A metrics loop is started beside the run, and nobody ends it.
"""

import trio

KIND = "task"


async def report(stop):
    while not stop.is_set():
        await trio.sleep(10)


async def broken(_after):
    trio.lowlevel.spawn_system_task(report, trio.Event())
    await trio.sleep(1)


async def mended(_after):
    stop = trio.Event()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(report, stop)
        await trio.sleep(1)
        stop.set()
