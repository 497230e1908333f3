"""
What is entered waits after it has taken the lock, and who is cancelled in there never leaves. Found by both: invariant.
"""

import trio

FINDS = {"cancel_everywhere": "invariant", "fault_everywhere": "invariant"}

locked = []


class Session:
    async def __aenter__(self):
        locked.append(self)
        await trio.sleep(1)
        return self

    async def __aexit__(self, *error):
        locked.remove(self)


class CarefulSession(Session):
    async def __aenter__(self):
        locked.append(self)
        try:
            await trio.sleep(1)
        except BaseException:
            locked.remove(self)
            raise
        return self


async def broken():
    locked.clear()
    async with Session():
        await trio.sleep(1)


async def mended():
    locked.clear()
    async with CarefulSession():
        await trio.sleep(1)


def check(result):
    assert locked == []
