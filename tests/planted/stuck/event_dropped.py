"""
The one who would set an event is gone.
"""

import trio

STUCK = 1


async def broken(nursery):
    nursery.start_soon(trio.Event().wait)


async def mended(nursery):
    done = trio.Event()
    nursery.start_soon(done.wait)
    nursery.start_soon(set_later, done)


async def set_later(event):
    await trio.sleep(10)
    event.set()
