"""
The one consumer ends on its first error, keeps the channel open, and the producer waits for room. Found by fault_everywhere:
hang.
"""

import contextlib

import trio

FINDS = {"fault_everywhere": "hang"}


async def produce(send):
    with contextlib.suppress(trio.BrokenResourceError):
        async with send:
            for number in range(3):
                await send.send(number)


async def consume(receive):
    with contextlib.suppress(Exception):
        async for _ in receive:
            await trio.sleep(1)


async def broken():
    send, receive = trio.open_memory_channel(0)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(produce, send)
        nursery.start_soon(consume, receive)


async def mended():
    send, receive = trio.open_memory_channel(0)

    async def consume_and_close():
        async with receive:
            await consume(receive)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(produce, send)
        nursery.start_soon(consume_and_close)
