"""
A task that a child of a supervisor starts for itself dies of nothing, not of cancellation either. Found by cancel_everywhere:
child swallowed.
"""

import trio

from trio_run import Child, open_supervisor

FINDS = {"cancel_everywhere": "child swallowed"}


async def read(kinds):
    while True:
        try:
            await trio.sleep(2)
        except kinds:
            return


async def serve(kinds):
    async with trio.open_nursery() as nursery:
        nursery.start_soon(read, kinds)
        await trio.sleep(1)


async def run(kinds):
    with trio.move_on_after(3):
        async with open_supervisor("sessions") as sessions:
            await sessions.start(Child(serve, kinds, name="one"))
            await trio.sleep_forever()


async def broken():
    await run(BaseException)


async def mended():
    await run(Exception)
