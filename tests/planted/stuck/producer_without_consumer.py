"""
A producer waits for room in a channel that nobody reads any more.
"""

import trio

STUCK = 3


async def broken(nursery):
    for number in range(3):
        send, _receive = trio.open_memory_channel(0)
        nursery.start_soon(send.send, number)


async def read(receive):
    await trio.sleep(5)
    await receive.receive()


async def mended(nursery):
    for number in range(3):
        send, receive = trio.open_memory_channel(0)
        nursery.start_soon(send.send, number)
        nursery.start_soon(read, receive)
