"""
Two who find the other's lock taken say so, step back and wait, both for the same time: a livelock as long as they keep step.
"""

import trio
from trio.lowlevel import checkpoint

MAX_STEPS = 500


async def take_both(mine, other, patience):
    while True:
        async with mine:
            await checkpoint()
            if not other.locked():
                return
            await checkpoint()
        await trio.sleep(patience)


async def run(*patiences):
    left, right = trio.Lock(), trio.Lock()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(take_both, left, right, patiences[0])
        nursery.start_soon(take_both, right, left, patiences[1])


async def broken():
    await run(1, 1)


async def mended():
    await run(1, 2)
