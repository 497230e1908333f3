"""
Bytes of a budget are taken for a message, and given back only where it is not empty.
"""

from trio_run import WeightedLimiter

KIND = "borrowed token of a limiter"


async def broken(_after):
    memory = WeightedLimiter(1024)
    for message in (b"hello", b""):
        size = len(message) or 1
        await memory.acquire(size)
        if message:
            memory.release(size)


async def mended(_after):
    memory = WeightedLimiter(1024)
    for message in (b"hello", b""):
        async with memory.hold(len(message) or 1):
            pass
