"""
A client waits for the answer to a request that was thrown away.
"""

import trio

STUCK = 1


class Client:
    def __init__(self):
        self.pending = {}

    async def ask(self, number):
        answered = self.pending[number] = trio.Event()
        await answered.wait()

    async def read(self):
        await trio.sleep(100)
        for answered in self.pending.values():
            answered.set()


async def broken(nursery):
    client = Client()
    nursery.start_soon(client.ask, 7)
    await trio.testing.wait_all_tasks_blocked()
    client.pending.clear()
    nursery.start_soon(client.read)


async def mended(nursery):
    client = Client()
    nursery.start_soon(client.ask, 7)
    nursery.start_soon(client.read)
