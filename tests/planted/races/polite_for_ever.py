"""
Two who meet in a narrow place each step back for the other, again and again.
"""

import trio
from trio.lowlevel import checkpoint

MAX_STEPS = 1000


async def pass_by(mine, other, patience):
    while True:
        await mine.acquire()
        await checkpoint()
        try:
            other.acquire_nowait()
        except trio.WouldBlock:
            mine.release()
            await trio.sleep(patience)
            continue
        other.release()
        mine.release()
        return


async def run(patiences):
    left, right = trio.Lock(), trio.Lock()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(pass_by, left, right, patiences[0])
        nursery.start_soon(pass_by, right, left, patiences[1])


async def broken():
    await run((0, 0))


async def mended():
    await run((0, 1))
