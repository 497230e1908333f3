"""
A queue counts what is unfinished once it is in the queue, and by then it may be finished.
"""

import trio
from trio.lowlevel import checkpoint


class Queue:
    def __init__(self):
        self.send, self.receive = trio.open_memory_channel(1)
        self.unfinished = 0
        self.finished = trio.Event()

    async def put(self, item):
        await self.send.send(item)
        self.unfinished += 1

    async def put_counting_first(self, item):
        self.unfinished += 1
        await self.send.send(item)

    def done(self):
        if self.unfinished == 0:
            raise ValueError("more is done than there was to do")
        self.unfinished -= 1

    async def work(self):
        async for _ in self.receive:
            await checkpoint()
            self.done()


async def run(put):
    queue = Queue()
    async with trio.open_nursery() as nursery, queue.send:
        nursery.start_soon(queue.work)
        for number in range(3):
            await put(queue, number)


async def broken():
    await run(Queue.put)


async def mended():
    await run(Queue.put_counting_first)
