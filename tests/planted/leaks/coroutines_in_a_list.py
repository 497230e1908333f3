"""
Calls are collected in a list to be awaited later, and some of them never are.
"""

import trio

KIND = "coroutine that was never awaited"


async def fetch(number):
    await trio.lowlevel.checkpoint()
    return number


async def broken(after):
    calls = [fetch(number) for number in range(3)]
    after.callback(lambda: [call.close() for call in calls[1:]])
    assert await calls[0] == 0


async def mended(_after):
    calls = [fetch(number) for number in range(3)]
    assert [await call for call in calls] == [0, 1, 2]
