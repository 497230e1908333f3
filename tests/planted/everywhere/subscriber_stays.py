"""
A subscriber that is cancelled stays on the list, and the topic goes on filling its channel. Found by both: invariant.
"""

import trio

FINDS = {"cancel_everywhere": "invariant", "fault_everywhere": "invariant"}

topic = []


async def follow():
    send, receive = trio.open_memory_channel(1)
    topic.append(send)
    async with send, receive:
        await receive.receive()
    topic.remove(send)


async def follow_and_leave():
    send, receive = trio.open_memory_channel(1)
    topic.append(send)
    try:
        async with send, receive:
            await receive.receive()
    finally:
        topic.remove(send)


async def run(follow):
    topic.clear()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(follow)
        await trio.sleep(1)
        for send in topic:
            send.send_nowait("news")


async def broken():
    await run(follow)


async def mended():
    await run(follow_and_leave)


def check(result):
    assert topic == []
