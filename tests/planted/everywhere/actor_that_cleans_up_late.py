"""
An actor takes itself off a list when it ends, and waits for something else before. Found by both: invariant.
"""

import trio

from trio_run import Actor, run_actors

FINDS = {"cancel_everywhere": "invariant", "fault_everywhere": "invariant"}

registered = []


async def work(seconds):
    registered.append("worker")
    try:
        await trio.sleep(1)
    finally:
        if seconds:
            await trio.sleep(seconds)
        registered.clear()


async def broken():
    registered.clear()
    await run_actors(Actor(work, 0.1))


async def mended():
    registered.clear()
    await run_actors(Actor(work, 0))


def check(result):
    assert [] == registered
