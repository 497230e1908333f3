"""
A group that goes on when a job fails waits for a producer whose consumer is gone, and left its end of the channel open. Found by
fault_everywhere: hang.
"""

import trio

from trio_run import open_group

FINDS = {"fault_everywhere": "hang"}


async def produce(send):
    async with send:
        for number in range(3):
            await send.send(number)


async def produce_for_who_is_there(send):
    try:
        await produce(send)
    except trio.BrokenResourceError:
        return  # Nobody wants more.


async def careless(receive):
    async for _ in receive:
        await trio.sleep(1)
    receive.close()


async def careful(receive):
    async with receive:
        async for _ in receive:
            await trio.sleep(1)


async def run(produce, consume):
    send, receive = trio.open_memory_channel(0)
    async with open_group(on_failure="collect") as group:
        group.start_soon(produce, send)
        group.start_soon(consume, receive)


async def broken():
    await run(produce, careless)


async def mended():
    await run(produce_for_who_is_there, careful)
