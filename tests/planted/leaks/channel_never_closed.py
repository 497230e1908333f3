"""
A channel is made for one answer, and neither side of it is closed.
"""

import trio

KIND = "open memory channel"

kept = []


async def broken(_after):
    send, receive = trio.open_memory_channel(1)
    kept[:] = [send, receive]
    await send.send("answer")
    assert await receive.receive() == "answer"


async def mended(_after):
    send, receive = trio.open_memory_channel(1)
    async with send, receive:
        await send.send("answer")
        assert await receive.receive() == "answer"
