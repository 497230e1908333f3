"""
A reply that is lost is waited for, for ever. Found by fault_everywhere with `sometimes`: hang.
"""

import trio

from trio_run.testing import sometimes

FINDS = {"fault_everywhere": "hang"}


async def serve(requests):
    async for reply in requests:
        if not sometimes("reply lost"):
            reply.set()


async def ask(requests, seconds):
    for _ in range(3):
        reply = trio.Event()
        await requests.send(reply)
        with trio.move_on_after(seconds) as scope:
            await reply.wait()
        if not scope.cancelled_caught:
            return


async def talk(seconds):
    send, receive = trio.open_memory_channel(0)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve, receive)
        async with send:
            await ask(send, seconds)


async def broken():
    await talk(float("inf"))


async def mended():
    await talk(1)
