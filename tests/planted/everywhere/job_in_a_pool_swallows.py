"""
A job of a group on a pool takes its cancellation for a result, and its worker goes on as if nothing was. Found by
cancel_everywhere: child swallowed.
"""

import trio

from trio_run import open_group, open_pool

FINDS = {"cancel_everywhere": "child swallowed"}


async def fetch(kinds):
    try:
        await trio.sleep(2)
    except kinds:
        return ""
    return "page"


async def run(kinds):
    async with open_pool(2) as pool, open_group(pool=pool) as group:
        group.start_soon(fetch, kinds)
        await trio.sleep(1)


async def broken():
    await run(BaseException)


async def mended():
    await run(Exception)
