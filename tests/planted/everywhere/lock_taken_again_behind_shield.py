"""
Clean-up takes a lock behind a shield, and who has the lock waits for the clean-up. Found by cancel_everywhere: hang.
"""

import trio

FINDS = {"cancel_everywhere": "hang"}


async def use(lock, entered, gone, bound):
    try:
        entered.set()
        await trio.sleep(1)
    finally:
        with trio.move_on_after(bound, shield=True):
            async with lock:
                pass
        gone.set()


async def own(lock, entered, gone):
    await entered.wait()
    async with lock:
        try:
            await trio.sleep(0.5)
        finally:
            with trio.CancelScope() as scope:
                scope.shield = trio.current_effective_deadline() == -float("inf")
                if scope.shield:
                    await gone.wait()


async def run(bound):
    lock, entered, gone = trio.Lock(), trio.Event(), trio.Event()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(own, lock, entered, gone)
        nursery.start_soon(use, lock, entered, gone, bound)


async def broken():
    await run(float("inf"))


async def mended():
    await run(2)
