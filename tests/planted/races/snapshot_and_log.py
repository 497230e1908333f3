"""
A subscriber takes the state and the length of the log, and the writer writes the log a moment before the state.
"""

import trio
from trio.lowlevel import checkpoint


async def run(order):
    state, log = [0], []

    async def write():
        for number in range(1, 7):
            for _ in range(3):
                await checkpoint()
            for where in order:
                if where == "log":
                    log.append(number)
                elif where == "state":
                    state[0] = number
                else:
                    await checkpoint()

    async def subscribe(delay):
        for _ in range(delay):
            await checkpoint()
        first, begin = state[0], len(log)
        for _ in range(2):
            await checkpoint()
        seen = [first, *log[begin:]]
        assert seen == list(range(first, first + len(seen)))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(write)
        for delay in (2, 9):
            nursery.start_soon(subscribe, delay)


async def broken():
    await run(("log", "wait", "state"))


async def mended():
    await run(("log", "state", "wait"))
