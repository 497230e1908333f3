"""
The change is taken back on cancellation, and not on an error. Found by fault_everywhere: invariant.
"""

import trio

FINDS = {"fault_everywhere": "invariant"}

changes = []


async def change(kinds):
    changes[:] = ["begun"]
    try:
        await trio.sleep(1)
    except kinds:
        changes.clear()
        raise
    changes.clear()


async def broken():
    await change(trio.Cancelled)


async def mended():
    await change(BaseException)


def check(result):
    assert [] == changes
