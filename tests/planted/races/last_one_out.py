"""
The pool is done when nobody works and nothing is queued, and a worker has taken a job but does not count as working yet.
"""

import trio
from trio.lowlevel import checkpoint


class Crew:
    def __init__(self, jobs):
        self.queue = list(jobs)
        self.working = 0
        self.finished = []

    async def work(self):
        while self.queue:
            job = self.queue.pop()
            await checkpoint()
            self.working += 1
            await checkpoint()
            self.finished.append(job)
            self.working -= 1

    async def work_counting_first(self):
        while self.queue:
            self.working += 1
            job = self.queue.pop()
            await checkpoint()
            self.finished.append(job)
            self.working -= 1

    async def join(self):
        while self.queue or self.working:
            await checkpoint()
        return list(self.finished)


async def run(work):
    crew = Crew([1, 2])
    async with trio.open_nursery() as nursery:
        nursery.start_soon(work, crew)
        nursery.start_soon(work, crew)
        assert sorted(await crew.join()) == [1, 2]


async def broken():
    await run(Crew.work)


async def mended():
    await run(Crew.work_counting_first)
