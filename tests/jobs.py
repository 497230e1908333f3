"""
Jobs for groups and pools, and what to ask of them.
"""

import pytest
import trio

import trio_run as tr


class Gauge:
    """
    Jobs to run, and a count of those that are at it.
    """

    def __init__(self):
        self.now = 0
        self.most = 0
        self.began = []

    async def nap(self, seconds, name=None):
        """
        Sleep for so many seconds, and return the name.
        """
        self.began.append(name)
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await trio.sleep(seconds)
        finally:
            self.now -= 1
        return name


async def nap(seconds, value=None):
    await trio.sleep(seconds)
    return value


async def fail(error, after=0):
    await trio.sleep(after)
    raise error


async def clean_up(seconds, log):
    """
    Run until cancelled, and take so many seconds to end.
    """
    try:
        await trio.sleep_forever()
    finally:
        with trio.CancelScope(shield=True):
            await trio.sleep(seconds)
        log.append(trio.current_time())


async def swallow(value):
    """
    Return a value although cancelled.
    """
    with trio.CancelScope(shield=True):
        await trio.sleep(1)
    return value


async def stale_cancelled():
    """
    A Cancelled whose scope is long gone.
    """
    with trio.CancelScope() as scope:
        scope.cancel()
        try:
            await trio.lowlevel.checkpoint()
        except trio.Cancelled as exc:
            return exc


def states(handles):
    """
    What became of jobs, in short.
    """
    return [handle.state.value for handle in handles]


async def handle_is_over(handle):
    """
    Wait for the end of a job, whichever it is.
    """
    with pytest.raises(tr.JobCancelled):
        await handle.wait()


async def cancel_after(seconds, target):
    """
    Cancel a job, pool or scope, later.
    """
    await trio.sleep(seconds)
    target.cancel("enough")
