"""
Two transactions take the same rows, each from the other end; both find one taken, roll back and begin again: a livelock in step.
"""

import trio
from trio.lowlevel import checkpoint

MAX_STEPS = 500


async def transaction(taken, rows, delay):
    while True:
        mine = []
        for row in rows:
            if row in taken:
                break
            taken.add(row)
            mine.append(row)
            await trio.sleep(1)
        if len(mine) < len(rows):
            await checkpoint()
        taken.difference_update(mine)
        if len(mine) == len(rows):
            return
        await trio.sleep(delay)


async def run(*delays):
    taken = set()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(transaction, taken, "ab", delays[0])
        nursery.start_soon(transaction, taken, "ba", delays[1])


async def broken():
    await run(1, 1)


async def mended():
    await run(1, 3)
