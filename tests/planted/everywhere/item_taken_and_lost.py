"""
A job is taken from the channel, and a checkpoint stands before it is in safe hands. Found by both: invariant.
"""

import trio

FINDS = {"cancel_everywhere": "invariant", "fault_everywhere": "invariant"}

left, kept = [], []


async def take():
    await trio.lowlevel.checkpoint()
    return left.pop()


async def broken():
    left[:], kept[:] = ["a", "b"], []
    while left:
        job = await take()
        await trio.sleep(1)
        kept.append(job)


async def mended():
    left[:], kept[:] = ["a", "b"], []
    while left:
        job = await take()
        try:
            await trio.sleep(1)
        except BaseException:
            left.append(job)
            raise
        kept.append(job)


def check(result):
    assert ["a", "b"] == sorted(left + kept)
