"""
A client reads in the background, in a nursery that it entered by hand and never leaves.
"""

import trio

KIND = "task"


class Client:
    def __init__(self):
        self.send, self.receive = trio.open_memory_channel(1)
        self.scope = trio.CancelScope()
        self.gone = trio.Event()

    async def read(self):
        with self.scope, self.receive:
            async for _ in self.receive:
                await trio.lowlevel.checkpoint()
        self.gone.set()

    def connect(self):
        trio.lowlevel.spawn_system_task(self.read)

    async def aclose(self):
        self.send.close()
        await self.gone.wait()


async def broken(_after):
    client = Client()
    client.connect()
    await client.send.send("hello")


async def mended(_after):
    client = Client()
    client.connect()
    await client.send.send("hello")
    await client.aclose()
