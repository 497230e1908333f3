"""
A service that is started while it starts runs twice, and is stopped once.
"""

import trio
from trio.lowlevel import checkpoint


class Service:
    def __init__(self):
        self.running = 0
        self.state = "stopped"

    async def start(self):
        if self.state != "running":
            await checkpoint()  # Its files are read.
            self.running += 1
            self.state = "running"

    async def start_noting_first(self):
        if self.state == "stopped":
            self.state = "starting"
            await checkpoint()
            self.running += 1
            self.state = "running"

    async def stop(self):
        await checkpoint()
        if self.state == "running":
            self.running -= 1
            self.state = "stopped"


async def run(start):
    service = Service()

    async def start_a_little_later():
        for _ in range(2):
            await checkpoint()
        await start(service)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(start, service)
        nursery.start_soon(start_a_little_later)
    await service.stop()
    assert service.running == 0


async def broken():
    await run(Service.start)


async def mended():
    await run(Service.start_noting_first)
