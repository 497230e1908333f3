"""
A service says that it is ready, and opens its inbox a moment later.
"""

import trio
from trio.lowlevel import checkpoint


class Service:
    def __init__(self):
        self.inbox = None
        self.lost = 0

    async def open(self):
        await checkpoint()
        self.inbox = []

    async def run(self, *, task_status):
        task_status.started()
        await self.open()

    async def run_opening_first(self, *, task_status):
        await self.open()
        task_status.started()

    def tell(self, message):
        if self.inbox is None:
            self.lost += 1
        else:
            self.inbox.append(message)


async def serve(run):
    service = Service()
    async with trio.open_nursery() as nursery:
        await nursery.start(lambda task_status: run(service, task_status=task_status))
        service.tell("hello")
    assert service.lost == 0


async def broken():
    await serve(Service.run)


async def mended():
    await serve(Service.run_opening_first)
