"""
Who waited for the lock does not look again whether the work was done meanwhile.
"""

import trio
from trio.lowlevel import checkpoint


class Token:
    def __init__(self):
        self.valid = False
        self.renewals = 0
        self.lock = trio.Lock()

    async def renew(self):
        await checkpoint()
        self.renewals += 1
        self.valid = True

    async def use(self):
        if not self.valid:
            async with self.lock:
                await self.renew()

    async def use_looking_twice(self):
        if not self.valid:
            async with self.lock:
                if not self.valid:
                    await self.renew()


async def run(use):
    token = Token()

    async def call():
        await checkpoint()
        await checkpoint()
        await use(token)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(use, token)
        nursery.start_soon(call)
    assert token.renewals == 1


async def broken():
    await run(Token.use)


async def mended():
    await run(Token.use_looking_twice)
