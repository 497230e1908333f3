"""
The most urgent job is looked at, and another one is taken.
"""

import heapq

import trio
from trio.lowlevel import checkpoint


class Jobs:
    def __init__(self):
        self.heap = [(2, "tidy up"), (3, "report")]

    async def put(self, urgency, job):
        await checkpoint()
        heapq.heappush(self.heap, (urgency, job))

    async def is_allowed(self, job):
        await checkpoint()
        return job != "put out the fire"

    async def next(self):
        _, job = self.heap[0]
        if await self.is_allowed(job):
            return heapq.heappop(self.heap)[1]
        return None

    async def next_popping_first(self):
        urgency, job = heapq.heappop(self.heap)
        if await self.is_allowed(job):
            return job
        heapq.heappush(self.heap, (urgency, job))
        return None


async def run(next_job):
    jobs = Jobs()
    taken = []

    async def work():
        taken.append(await next_job(jobs))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(work)
        nursery.start_soon(jobs.put, 1, "put out the fire")
    assert "put out the fire" not in taken


async def broken():
    await run(Jobs.next)


async def mended():
    await run(Jobs.next_popping_first)
