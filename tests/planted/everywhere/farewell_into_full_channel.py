"""
A worker says good-bye behind a shield through a channel that nobody reads any more. Found by both: hang.
"""

import trio

FINDS = {"cancel_everywhere": "hang", "fault_everywhere": "hang"}


async def work(send, seconds):
    try:
        for number in range(3):
            await send.send(number)
            await trio.sleep(1)
    finally:
        with trio.move_on_after(seconds, shield=True):
            await send.send("bye")


async def run(seconds):
    send, receive = trio.open_memory_channel(0)
    async with send, receive, trio.open_nursery() as nursery:
        nursery.start_soon(work, send, seconds)
        while await receive.receive() != "bye":
            await trio.lowlevel.checkpoint()


async def broken():
    await run(float("inf"))


async def mended():
    await run(1)
