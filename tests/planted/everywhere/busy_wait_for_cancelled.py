"""
The clean-up looks again and again for a sign from a task that is gone. Found by cancel_everywhere: livelock.
"""

import trio

FINDS = {"cancel_everywhere": "livelock"}
OPTIONS = {"max_steps": 2000}


async def work(gone, signs):
    await trio.sleep(1)
    signs.append("bye")
    gone.set()


async def look(signs):
    try:
        await trio.sleep(2)
    finally:
        with trio.CancelScope(shield=True):
            while not signs:
                await trio.lowlevel.checkpoint()


async def wait(gone):
    try:
        await trio.sleep(2)
    finally:
        with trio.CancelScope(shield=True):
            await gone.wait()


async def work_and_tell(gone, signs):
    try:
        await work(gone, signs)
    finally:
        gone.set()


async def broken():
    gone, signs = trio.Event(), []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(work, gone, signs)
        nursery.start_soon(look, signs)


async def mended():
    gone, signs = trio.Event(), []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(work_and_tell, gone, signs)
        nursery.start_soon(wait, gone)
