"""
A flag says that a job is under way, and is taken back only where the job ended. Found by both: invariant.
"""

import trio

FINDS = {"cancel_everywhere": "invariant", "fault_everywhere": "invariant"}

state = {}


async def broken():
    state["busy"] = True
    await trio.sleep(1)
    state["busy"] = False


async def mended():
    state["busy"] = True
    try:
        await trio.sleep(1)
    finally:
        state["busy"] = False


def check(result):
    assert not state.get("busy")
