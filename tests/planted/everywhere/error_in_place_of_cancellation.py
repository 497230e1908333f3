"""
A clean-up that fails because it is cancelled reports the failure instead. Found by both: wrong exception.
"""

import trio

FINDS = {"cancel_everywhere": "wrong exception", "fault_everywhere": "wrong exception"}


class Job:
    def __init__(self):
        self.result = None

    async def run(self):
        await trio.sleep(1)
        self.result = 7


async def broken():
    job = Job()
    try:
        await job.run()
    finally:
        if job.result is None:
            raise LookupError("the job has no result")


async def mended():
    job = Job()
    await job.run()
    if job.result is None:
        raise LookupError("the job has no result")
