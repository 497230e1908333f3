"""
The clean-up has a bound and no shield, so it is cancelled before it begins. Found by both: invariant.
"""

import trio

FINDS = {"cancel_everywhere": "invariant", "fault_everywhere": "invariant"}

state = {}


async def close():
    await trio.lowlevel.checkpoint()
    state["open"] = False


async def run(scope):
    state["open"] = True
    try:
        await trio.sleep(1)
    finally:
        with scope():
            await close()


def bounded():
    return trio.move_on_after(5)


def bounded_and_shielded():
    return trio.move_on_after(5, shield=True)


async def broken():
    await run(bounded)


async def mended():
    await run(bounded_and_shielded)


def check(result):
    assert not state.get("open")
