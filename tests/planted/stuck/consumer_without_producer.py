"""
All who could send into a channel forgot it, and it was never closed.
"""

import trio

STUCK = 1


async def consume(receive):
    async with receive:
        async for _ in receive:
            pass


async def broken(nursery):
    _send, receive = trio.open_memory_channel(1)
    nursery.start_soon(consume, receive)


async def produce(send):
    async with send:
        await trio.sleep(60)
        await send.send("tick")


async def mended(nursery):
    send, receive = trio.open_memory_channel(1)
    nursery.start_soon(consume, receive)
    nursery.start_soon(produce, send)
