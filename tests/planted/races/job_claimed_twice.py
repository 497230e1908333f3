"""
A worker selects a job that is free, and marks it as its own in a second statement.
"""

import trio
from trio.lowlevel import checkpoint


class Database:
    def __init__(self):
        self.owners = {"resize": None, "upload": None}

    async def select_free(self):
        await checkpoint()
        return next((job for job, owner in self.owners.items() if owner is None), None)

    async def claim(self, job, worker):
        await checkpoint()
        self.owners[job] = worker
        return True

    async def claim_if_free(self, job, worker):
        await checkpoint()
        if self.owners[job] is not None:
            return False
        self.owners[job] = worker
        return True


async def run(claim):
    db = Database()
    done = []

    async def work(name):
        while job := await db.select_free():
            if await claim(db, job, name):
                done.append(job)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(work, "first")
        await checkpoint()
        await checkpoint()
        nursery.start_soon(work, "second")
    assert sorted(done) == ["resize", "upload"]


async def broken():
    await run(Database.claim)


async def mended():
    await run(Database.claim_if_free)
