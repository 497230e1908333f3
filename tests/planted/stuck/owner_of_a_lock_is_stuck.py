"""
The owner of a lock waits for an event that is gone, and all who want the lock wait with it.
"""

import trio

STUCK = 4


async def own(lock, event):
    async with lock:
        await event.wait()


async def want(lock):
    async with lock:
        pass


async def broken(nursery):
    lock = trio.Lock()
    nursery.start_soon(own, lock, trio.Event())
    await trio.testing.wait_all_tasks_blocked()
    for _ in range(3):
        nursery.start_soon(want, lock)


async def mended(nursery):
    lock, event = trio.Lock(), trio.Event()
    nursery.start_soon(own, lock, event)
    await trio.testing.wait_all_tasks_blocked()
    for _ in range(3):
        nursery.start_soon(want, lock)

    async def let_go():
        await trio.sleep(10)
        event.set()

    nursery.start_soon(let_go)
