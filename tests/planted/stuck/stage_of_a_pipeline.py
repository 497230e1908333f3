"""
The middle of a pipeline died in silence: what is before it waits for room, and what is after it for input.
"""

import trio

STUCK = 2


async def source(send):
    async with send:
        for number in range(10):
            await send.send(number)


async def sink(receive):
    async with receive:
        async for _ in receive:
            pass


async def middle(receive, send):
    async with receive, send:
        async for number in receive:
            await trio.sleep(1)
            await send.send(number)


async def broken(nursery):
    to_middle, from_source = trio.open_memory_channel(2)
    to_sink, from_middle = trio.open_memory_channel(2)
    nursery.start_soon(source, to_middle)
    nursery.start_soon(sink, from_middle)
    nursery.start_soon(trio.lowlevel.checkpoint)
    del from_source, to_sink


async def mended(nursery):
    to_middle, from_source = trio.open_memory_channel(2)
    to_sink, from_middle = trio.open_memory_channel(2)
    nursery.start_soon(source, to_middle)
    nursery.start_soon(sink, from_middle)
    nursery.start_soon(middle, from_source, to_sink)
