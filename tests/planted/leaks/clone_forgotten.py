"""
Each worker gets a copy of a channel's end, and one copy more than there are workers is made.
"""

import trio

KIND = "open memory channel"

kept = []


async def work(send):
    async with send:
        await send.send("done")


async def run(close):
    send, receive = trio.open_memory_channel(10)
    kept[:] = [send, receive]
    async with trio.open_nursery() as nursery:
        for _ in range(2):
            nursery.start_soon(work, send.clone())
    if close:
        send.close()
    assert receive.receive_nowait() == "done"


async def broken(_after):
    await run(close=False)


async def mended(_after):
    await run(close=True)
