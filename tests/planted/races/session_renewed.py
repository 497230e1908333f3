"""
A session is found too old, and is deleted though it was renewed meanwhile.
"""

import trio
from trio.lowlevel import checkpoint


class Sessions:
    def __init__(self):
        self.last_seen = {"ann": 0}

    async def touch(self, who):
        if who in self.last_seen:
            self.last_seen[who] = 100
            await checkpoint()
            assert who in self.last_seen, "the session ended while it was used"

    async def note(self, _who):
        await checkpoint()

    async def expire(self, who):
        if self.last_seen[who] < 50:
            await self.note(who)
            del self.last_seen[who]

    async def expire_at_once(self, who):
        if self.last_seen[who] < 50:
            del self.last_seen[who]
            await self.note(who)


async def run(expire):
    sessions = Sessions()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(expire, sessions, "ann")
        nursery.start_soon(sessions.touch, "ann")


async def broken():
    await run(Sessions.expire)


async def mended():
    await run(Sessions.expire_at_once)
