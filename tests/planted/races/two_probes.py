"""
An open circuit breaker lets one call through to see whether things are better, and here it lets two.
"""

import trio
from trio.lowlevel import checkpoint


class Breaker:
    def __init__(self):
        self.state = "open"
        self.probes = 0

    async def log(self, _text):
        await checkpoint()

    async def call(self):
        if self.state == "open":
            await self.log("trying again")
            self.state = "half open"
            await self.probe()

    async def call_changing_first(self):
        if self.state == "open":
            self.state = "half open"
            await self.log("trying again")
            await self.probe()

    async def probe(self):
        self.probes += 1
        await checkpoint()
        self.state = "closed"


async def run(call):
    breaker = Breaker()
    late = trio.Event()

    async def caller(first):
        if not first:
            await late.wait()
        else:
            late.set()
        await call(breaker)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(caller, True)
        nursery.start_soon(caller, False)
    assert breaker.probes == 1


async def broken():
    await run(Breaker.call)


async def mended():
    await run(Breaker.call_changing_first)
