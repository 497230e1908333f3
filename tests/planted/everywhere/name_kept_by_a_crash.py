"""
A child takes a name when it begins, and one that crashed has left it taken: no later life gets anywhere. Found by
fault_everywhere: wrong exception.
"""

import trio

from trio_run import Budget, Child, open_supervisor

FINDS = {"fault_everywhere": "wrong exception"}


async def careless(names):
    if "feed" in names:
        raise KeyError("feed is taken")
    names.add("feed")
    await trio.sleep(1)
    names.remove("feed")


async def careful(names):
    names.add("feed")
    try:
        await trio.sleep(1)
    finally:
        names.remove("feed")


async def run(feed):
    async with open_supervisor("sessions", budget=Budget(restarts=2, per=60)) as sessions:
        sessions.start_soon(Child(feed, set(), name="feed", restart="on_failure"))
        await trio.sleep(9)


async def broken():
    await run(careless)


async def mended():
    await run(careful)
