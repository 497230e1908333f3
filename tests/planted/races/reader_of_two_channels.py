"""
Data and the order to stop come through two channels, and the order is read before the last data.
"""

import trio
from trio.lowlevel import checkpoint


async def sink(data, stop, got):
    async with trio.open_nursery() as nursery:

        async def read():
            async for item in data:
                got.append(item)

        nursery.start_soon(read)
        await stop.wait()
        nursery.cancel_scope.cancel()


async def sink_to_the_end(data, stop, got):
    async for item in data:
        got.append(item)
    await stop.wait()


async def source(send, stop):
    async with send:
        for number in range(3):
            await send.send(number)
            await checkpoint()
    stop.set()


async def run(sink):
    send, receive = trio.open_memory_channel(3)
    stop = trio.Event()
    got = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(source, send, stop)
        nursery.start_soon(sink, receive, stop, got)
    assert got == [0, 1, 2]


async def broken():
    await run(sink)


async def mended():
    await run(sink_to_the_end)
