"""
A limiter writes to its log between the look at the bucket and the taking of a token.
"""

import trio
from trio.lowlevel import checkpoint


class Bucket:
    def __init__(self, tokens):
        self.tokens = tokens
        self.log = []

    async def note(self, who):
        await checkpoint()
        self.log.append(who)

    async def allows(self, who):
        if self.tokens == 0:
            return False
        await self.note(who)
        self.tokens -= 1
        return True

    async def allows_and_takes(self, who):
        if self.tokens == 0:
            return False
        self.tokens -= 1
        await self.note(who)
        return True


async def run(allows):
    bucket = Bucket(2)
    through = []

    async def request(who):
        await checkpoint()
        if await allows(bucket, who):
            through.append(who)

    async with trio.open_nursery() as nursery:
        for who in range(3):
            nursery.start_soon(request, who)
    assert len(through) <= 2


async def broken():
    await run(Bucket.allows)


async def mended():
    await run(Bucket.allows_and_takes)
