"""
A thread is told to end after the work, and is abandoned if that is cancelled. Found by cancel_everywhere: leak.
"""

import threading

import trio

FINDS = {"cancel_everywhere": "leak"}

left = []


async def watch(stop, began):
    def wait():
        trio.from_thread.run_sync(began.set)
        stop.wait()

    await trio.to_thread.run_sync(wait, abandon_on_cancel=True)


async def work(stop):
    began = trio.Event()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(watch, stop, began)
        await began.wait()
        for _ in range(3):
            await trio.lowlevel.checkpoint()
        stop.set()


async def broken():
    tidy_up()
    stop = threading.Event()
    left.append(stop)
    await work(stop)


async def mended():
    stop = threading.Event()
    try:
        await work(stop)
    finally:
        stop.set()


def tidy_up():
    """
    Let go what the last run left.
    """
    while left:
        left.pop().set()
