"""
Four stations each lock their own track, and then the next one round the ring.
"""

import itertools

import trio
from trio.lowlevel import checkpoint


async def move(first, second):
    async with first:
        await checkpoint()
        async with second:
            await checkpoint()


async def run(pairs):
    async with trio.open_nursery() as nursery:
        for first, second in pairs:
            nursery.start_soon(move, first, second)


async def broken():
    tracks = [trio.Lock() for _ in range(4)]
    await run(zip(tracks, tracks[1:] + tracks[:1], strict=True))


async def mended():
    tracks = [trio.Lock() for _ in range(4)]
    await run([*itertools.pairwise(tracks), (tracks[0], tracks[-1])])
