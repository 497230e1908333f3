"""
A look-up in a thread takes too long, and is abandoned with no end of its own.
"""

import threading

import trio

KIND = "thread"


async def look_up(done):
    began = trio.Event()

    def wait():
        trio.from_thread.run_sync(began.set)
        done.wait()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(lambda: trio.to_thread.run_sync(wait, abandon_on_cancel=True))
        await began.wait()
        nursery.cancel_scope.cancel()


async def broken(after):
    done = threading.Event()
    after.callback(done.set)
    await look_up(done)


async def mended(_after):
    done = threading.Event()
    await look_up(done)
    done.set()
