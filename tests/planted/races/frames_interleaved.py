"""
A message goes out as a head and a body, and two writers send theirs at the same time.
"""

import trio
from trio.lowlevel import checkpoint


class Link:
    def __init__(self):
        self.wire = []
        self.writing = trio.Lock()

    async def send_all(self, data):
        await checkpoint()
        self.wire.append(data)

    async def send(self, message):
        await self.send_all(len(message))
        await self.send_all(message)

    async def send_alone(self, message):
        async with self.writing:
            await self.send_all(len(message))
            await self.send_all(message)


async def run(send):
    link = Link()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(send, link, "hi")
        nursery.start_soon(send, link, "hello")
    for head, body in zip(link.wire[::2], link.wire[1::2], strict=True):
        assert len(str(body)) == head


async def broken():
    await run(Link.send)


async def mended():
    await run(Link.send_alone)
