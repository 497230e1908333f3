"""
A job waits for the event that only it would set.
"""

import trio

STUCK = 1


class Job:
    def __init__(self):
        self.finished = trio.Event()

    async def run(self):
        await self.finished.wait()
        self.finished.set()

    async def run_and_finish(self):
        await trio.sleep(10)
        self.finished.set()


async def broken(nursery):
    nursery.start_soon(Job().run)


async def mended(nursery):
    job = Job()
    nursery.start_soon(job.run_and_finish)
    nursery.start_soon(job.finished.wait)
