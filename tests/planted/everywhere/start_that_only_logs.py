"""
A service that cannot start logs it and returns, and who waits for it is told something else. Found by fault_everywhere: wrong
exception.
"""

import trio

FINDS = {"fault_everywhere": "wrong exception"}


async def serve(kinds, *, task_status):
    try:
        await trio.sleep(1)
    except kinds:
        return
    task_status.started()


async def run(kinds):
    async with trio.open_nursery() as nursery:
        await nursery.start(lambda *, task_status: serve(kinds, task_status=task_status))


async def broken():
    await run(Exception)


async def mended():
    await run(())
