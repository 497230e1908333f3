"""
A child never ends, so its parent does not either, nor the parent of that one.
"""

import trio

STUCK = 3


async def family(depth, leaf):
    async with trio.open_nursery() as nursery:
        nursery.start_soon(family if depth else leaf, *((depth - 1, leaf) if depth else ()))


async def broken(nursery):
    nursery.start_soon(family, 1, trio.Event().wait)


async def rest():
    await trio.sleep(10)


async def mended(nursery):
    nursery.start_soon(family, 1, rest)
