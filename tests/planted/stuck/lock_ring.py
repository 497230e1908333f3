"""
Three tasks have a lock each and want that of the next.
"""

import trio

STUCK = 3
CYCLES = 1


async def seat(mine, next_one, met):
    async with mine:
        met.append(mine)
        while len(met) < 3:
            await trio.lowlevel.checkpoint()
        async with next_one:
            pass


async def broken(nursery):
    forks, met = [trio.Lock() for _ in range(3)], []
    for number, fork in enumerate(forks):
        nursery.start_soon(seat, fork, forks[(number + 1) % 3], met)


async def eat(fork):
    async with fork:
        await trio.sleep(10)


async def mended(nursery):
    for fork in [trio.Lock() for _ in range(3)]:
        nursery.start_soon(eat, fork)
        nursery.start_soon(eat, fork)
