"""
A child of a supervisor ends well, and what it waited for in a nursery of its own was cancelled. Found by
cancel_everywhere: child swallowed.
"""

import trio

from trio_run import Child, Supervisor

FINDS = {"cancel_everywhere": "child swallowed"}


async def serve(kinds):
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep, 2)
    except* kinds:
        pass


async def run(kinds):
    with trio.move_on_after(1):
        await Supervisor("shop", Child(serve, kinds, name="web", restart="never")).run()


async def broken():
    await run(BaseException)


async def mended():
    await run(Exception)
