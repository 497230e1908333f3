"""
The clean-up is a task of the nursery that is being cancelled. Found by both: invariant.
"""

import trio

FINDS = {"cancel_everywhere": "invariant", "fault_everywhere": "invariant"}

leases = set()


async def give_back(name):
    await trio.lowlevel.checkpoint()
    leases.discard(name)


async def broken():
    leases.clear()
    leases.add("lease")
    async with trio.open_nursery() as nursery:
        try:
            await trio.sleep(1)
        finally:
            nursery.start_soon(give_back, "lease")


async def mended():
    leases.clear()
    leases.add("lease")
    try:
        await trio.sleep(1)
    finally:
        leases.discard("lease")


def check(result):
    assert leases == set()
