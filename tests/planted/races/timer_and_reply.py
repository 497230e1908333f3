"""
A time limit is over while the reply is there already but was not read, and the reply counts as lost.
"""

import trio
from trio.lowlevel import checkpoint

SLACK = 0.05


async def serve(replies):
    await trio.sleep(1)
    replies.append("reply")


async def call(replies):
    with trio.move_on_after(1.02) as limit:
        await trio.sleep(1)
        await checkpoint()
        await checkpoint()
        replies.append("read")
    return limit.cancelled_caught


async def broken():
    replies = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve, replies)
        late = await call(replies)
    assert not late


async def mended():
    replies = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve, replies)
        late = await call(replies)
    assert late or "read" in replies
