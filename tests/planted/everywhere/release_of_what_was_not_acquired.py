"""
The lock is acquired inside of the try, so its release runs also if that was cancelled. Found by cancel_everywhere: wrong
exception.
"""

import trio

FINDS = {"cancel_everywhere": "wrong exception"}


async def broken():
    lock = trio.Lock()
    try:
        await lock.acquire()
        await trio.sleep(1)
    finally:
        lock.release()


async def mended():
    lock = trio.Lock()
    await lock.acquire()
    try:
        await trio.sleep(1)
    finally:
        lock.release()
