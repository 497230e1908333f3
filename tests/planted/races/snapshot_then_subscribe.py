"""
A new subscriber gets the state of now, and the changes from a little later on.
"""

import trio
from trio.lowlevel import checkpoint


class Topic:
    def __init__(self):
        self.value = 0
        self.subscribers = []

    async def publish(self, value):
        await checkpoint()
        self.value = value
        for send in self.subscribers:
            send.send_nowait(value)

    async def subscribe(self):
        send, receive = trio.open_memory_channel(10)
        seen = self.value
        await checkpoint()  # Is this one allowed to see it?
        self.subscribers.append(send)
        return seen, receive

    async def subscribe_first(self):
        send, receive = trio.open_memory_channel(10)
        await checkpoint()
        self.subscribers.append(send)
        return self.value, receive


async def run(subscribe):
    topic = Topic()
    seen = []

    async def follow():
        value, changes = await subscribe(topic)
        seen.append(value)
        await checkpoint()
        while value != 2:
            value = await changes.receive()
            seen.append(value)

    async def publish():
        await topic.publish(1)
        await topic.publish(2)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(follow)
        nursery.start_soon(publish)
    assert seen == list(range(seen[0], 3))


async def broken():
    await run(Topic.subscribe)


async def mended():
    await run(Topic.subscribe_first)
