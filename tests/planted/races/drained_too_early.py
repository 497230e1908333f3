"""
A server that stops waits for the requests under way, and one that was accepted a moment ago is not counted yet.
"""

import trio
from trio.lowlevel import checkpoint


class Server:
    def __init__(self):
        self.accepting = True
        self.active = 0
        self.idle = trio.Event()
        self.idle.set()
        self.down = False
        self.log = []

    def enter(self):
        self.active += 1
        self.idle = trio.Event()

    def leave(self):
        self.active -= 1
        if not self.active:
            self.idle.set()

    async def handle(self):
        await checkpoint()
        assert not self.down, "a request was handled by a server that was down"
        self.log.append("request")

    async def accept(self):
        if not self.accepting:
            return
        await checkpoint()  # The handshake.
        self.enter()
        await self.handle()
        self.leave()

    async def accept_counting_first(self):
        if not self.accepting:
            return
        self.enter()
        await checkpoint()
        await self.handle()
        self.leave()

    async def stop(self):
        await checkpoint()
        self.accepting = False
        await self.idle.wait()
        self.down = True


async def run(accept):
    server = Server()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(accept, server)
        nursery.start_soon(server.stop)


async def broken():
    await run(Server.accept)


async def mended():
    await run(Server.accept_counting_first)
