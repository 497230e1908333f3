"""
Three producers fill a ring of four slots, and one of them looks for its slot a moment before it writes.
"""

import trio
from trio.lowlevel import checkpoint


async def run(lock):
    free, used = trio.Semaphore(4), trio.Semaphore(0)
    ring, written, got = [None] * 4, [0], []

    async def produce(name):
        for number in range(3):
            await free.acquire()
            async with lock:
                slot = written[0] % 4
                if (name, number) == (2, 2):
                    await checkpoint()
                ring[slot] = name, number
                written[0] += 1
            used.release()

    async def consume():
        for place in range(9):
            await used.acquire()
            got.append(ring[place % 4])
            await checkpoint()
            free.release()

    async with trio.open_nursery() as nursery:
        for name in range(3):
            nursery.start_soon(produce, name)
        nursery.start_soon(consume)
    assert len(set(got)) == 9


async def broken():
    await run(trio.CapacityLimiter(3))


async def mended():
    await run(trio.CapacityLimiter(1))
