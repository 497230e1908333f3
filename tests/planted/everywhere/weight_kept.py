"""
Bytes of a budget that all share are given back only where the message was sent. Found by both: leak.
"""

import trio

from trio_run import WeightedLimiter

FINDS = {"cancel_everywhere": "leak", "fault_everywhere": "leak"}

memory = WeightedLimiter(1024)


async def broken():
    await memory.acquire(100)
    await trio.sleep(1)
    memory.release(100)


async def mended():
    async with memory.hold(100):
        await trio.sleep(1)


def tidy_up():
    """
    Give back what all runs have kept.
    """
    if held := memory.statistics().held:
        memory.release(held)
