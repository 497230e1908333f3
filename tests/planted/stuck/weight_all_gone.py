"""
A message needs more of a shared budget than the one that holds the rest will ever give back.
"""

import trio

from trio_run import WeightedLimiter

STUCK = 2


async def send(memory, size, sent):
    async with memory.hold(size):
        await sent.wait()


async def broken(nursery):
    memory = WeightedLimiter(10)
    nursery.start_soon(send, memory, 6, trio.Event())
    await trio.lowlevel.checkpoint()
    nursery.start_soon(send, memory, 6, trio.Event())


async def mended(nursery):
    memory, sent = WeightedLimiter(10), trio.Event()
    nursery.start_soon(send, memory, 6, sent)
    await trio.lowlevel.checkpoint()
    nursery.start_soon(send, memory, 6, sent)

    async def acknowledge():
        await trio.sleep(5)
        sent.set()

    nursery.start_soon(acknowledge)
