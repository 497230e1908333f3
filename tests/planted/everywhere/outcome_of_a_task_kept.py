"""
How each task ended is collected, however it ended, for somebody to look at later. Found by cancel_everywhere: child swallowed.
"""

import outcome
import trio

FINDS = {"cancel_everywhere": "child swallowed"}


async def collect(outcomes, passed_on):
    ended = await outcome.acapture(trio.sleep, 1)
    outcomes.append(ended)
    if isinstance(ended, outcome.Error) and isinstance(ended.error, passed_on):
        raise ended.error


async def run(*passed_on):
    outcomes = []
    async with trio.open_nursery() as nursery:
        for _ in range(2):
            nursery.start_soon(collect, outcomes, passed_on)


async def broken():
    await run()


async def mended():
    await run(trio.Cancelled)
