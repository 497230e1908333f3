"""
A loop that accepts connections logs whatever goes wrong, and goes on. Found by both: livelock.
"""

import trio

FINDS = {"cancel_everywhere": "livelock", "fault_everywhere": "livelock"}
OPTIONS = {"max_steps": 2000}

log = []


async def serve(receive, kinds):
    async with receive:
        while True:
            try:
                await receive.receive()
            except trio.EndOfChannel:
                return
            except kinds as exc:
                log.append(exc)


async def run(kinds):
    log.clear()
    send, receive = trio.open_memory_channel(0)
    async with trio.open_nursery() as nursery, send:
        nursery.start_soon(serve, receive, kinds)
        await send.send("connection")
        await trio.sleep(1)


async def broken():
    await run(BaseException)


async def mended():
    await run(OSError)
