"""
Who loads first loads for all, and if it fails the others wait for ever. Found by fault_everywhere: hang.
"""

import contextlib

import trio

FINDS = {"fault_everywhere": "hang"}


class Loader:
    def __init__(self):
        self.flight = None
        self.value = None

    async def get(self):
        if self.flight is not None:
            await self.flight.wait()
            return self.value
        self.flight = trio.Event()
        await trio.sleep(1)
        self.value = 7
        self.flight.set()
        return self.value

    async def get_landing_always(self):
        if self.flight is not None:
            await self.flight.wait()
            return self.value
        self.flight = trio.Event()
        try:
            await trio.sleep(1)
            self.value = 7
        finally:
            self.flight.set()
        return self.value


async def run(get):
    loader = Loader()

    async def request():
        with contextlib.suppress(Exception):
            await get(loader)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(request)
        nursery.start_soon(request)


async def broken():
    await run(Loader.get)


async def mended():
    await run(Loader.get_landing_always)
