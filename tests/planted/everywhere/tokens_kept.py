"""
A token for each of two, and the first is kept if the second is not to be had. Found by cancel_everywhere: invariant.
"""

import trio

FINDS = {"cancel_everywhere": "invariant"}

limiters = []


async def broken():
    limiter = trio.CapacityLimiter(2)
    limiters[:] = [limiter]
    await limiter.acquire_on_behalf_of("a")
    await limiter.acquire_on_behalf_of("b")
    try:
        await trio.sleep(1)
    finally:
        limiter.release_on_behalf_of("b")
        limiter.release_on_behalf_of("a")


async def mended():
    limiter = trio.CapacityLimiter(2)
    limiters[:] = [limiter]
    await limiter.acquire_on_behalf_of("a")
    try:
        await limiter.acquire_on_behalf_of("b")
        try:
            await trio.sleep(1)
        finally:
            limiter.release_on_behalf_of("b")
    finally:
        limiter.release_on_behalf_of("a")


def check(result):
    assert 0 == limiters[0].borrowed_tokens
