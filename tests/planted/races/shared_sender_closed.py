"""
Two producers share one end of a channel, and the first one that is done closes it.
"""

import trio
from trio.lowlevel import checkpoint


async def produce(send, count):
    async with send:
        for number in range(count):
            await checkpoint()
            await send.send(number)


async def consume(receive, got):
    async for number in receive:
        got.append(number)


async def broken():
    send, receive = trio.open_memory_channel(5)
    got = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(produce, send, 1)
        nursery.start_soon(produce, send, 1)
        nursery.start_soon(consume, receive, got)
    assert len(got) == 2


async def mended():
    send, receive = trio.open_memory_channel(5)
    got = []
    async with trio.open_nursery() as nursery, send:
        nursery.start_soon(produce, send.clone(), 1)
        nursery.start_soon(produce, send.clone(), 1)
        nursery.start_soon(consume, receive, got)
    assert len(got) == 2
