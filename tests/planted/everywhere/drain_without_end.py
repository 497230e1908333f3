"""
A graceful shutdown waits behind a shield until all clients have left, and one of them never does. Found by both: hang.
"""

import trio

FINDS = {"cancel_everywhere": "hang", "fault_everywhere": "hang"}


class Server:
    def __init__(self):
        self.clients = {"ann", "bob"}
        self.empty = trio.Event()

    def leave(self, who):
        self.clients.discard(who)
        if not self.clients:
            self.empty.set()

    async def drain(self, seconds):
        with trio.move_on_after(seconds, shield=True):
            await self.empty.wait()


async def run(seconds):
    server = Server()

    async def client(who):
        await trio.sleep(1)
        server.leave(who)

    async with trio.open_nursery() as nursery:
        for who in sorted(server.clients):
            nursery.start_soon(client, who)
        try:
            await trio.sleep(2)
        finally:
            await server.drain(seconds)


async def broken():
    await run(float("inf"))


async def mended():
    await run(10)
