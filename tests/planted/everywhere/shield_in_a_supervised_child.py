"""
A child waits behind a shield, when it ends, for a word that it gives itself if nothing comes in between. Found by
cancel_everywhere: hang.
"""

import math

import trio

from trio_run import Child, Supervisor

FINDS = {"cancel_everywhere": "hang"}


async def serve(seconds):
    flushed = trio.Event()
    try:
        await trio.sleep(1)
        flushed.set()
    finally:
        with trio.move_on_after(seconds, shield=True):
            await flushed.wait()


async def run(seconds):
    async with trio.open_nursery() as nursery:
        nursery.start_soon(Supervisor("shop", Child(serve, seconds, name="web", restart="never")).run)
        await trio.sleep(2)
        nursery.cancel_scope.cancel(reason="all is done")


async def broken():
    await run(math.inf)


async def mended():
    await run(5)
