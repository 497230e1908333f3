"""
All permits of a semaphore were lost with the tasks that had them.
"""

import trio

STUCK = 2


async def take(permits):
    async with permits:
        pass


async def take_for_good(permits):
    await permits.acquire()


async def broken(nursery):
    permits = trio.Semaphore(1)
    nursery.start_soon(take_for_good, permits)
    await trio.testing.wait_all_tasks_blocked()
    for _ in range(2):
        nursery.start_soon(take, permits)


async def mended(nursery):
    permits = trio.Semaphore(1)

    async def take_for_a_while():
        async with permits:
            await trio.sleep(10)

    nursery.start_soon(take_for_a_while)
    await trio.testing.wait_all_tasks_blocked()
    for _ in range(2):
        nursery.start_soon(take, permits)
