"""
A worker reports its error to the log only, and who waits for its result waits for ever. Found by fault_everywhere: hang.
"""

import contextlib

import trio

FINDS = {"fault_everywhere": "hang"}


async def compute(done):
    with contextlib.suppress(Exception):
        await trio.sleep(1)
        done.set()


async def compute_and_tell(done):
    try:
        with contextlib.suppress(Exception):
            await trio.sleep(1)
    finally:
        done.set()


async def run(compute):
    done = trio.Event()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(compute, done)
        await done.wait()


async def broken():
    await run(compute)


async def mended():
    await run(compute_and_tell)
