"""
An answer and the time limit of its request come at one moment, and the limit looks at the request before it takes it away.
"""

import trio
from trio.lowlevel import checkpoint


async def run(looks_again):
    waiting = {number: trio.Event() for number in range(2)}

    async def answer(number):
        await trio.sleep(1)
        if number in waiting:
            waiting.pop(number).set()

    async def expire(number):
        await trio.sleep(1)
        if number in waiting:
            await checkpoint()
            if number in waiting or not looks_again:
                waiting.pop(number).set()

    async with trio.open_nursery() as nursery:
        for number in range(2):
            nursery.start_soon(expire, number)
            nursery.start_soon(answer, number)


async def broken():
    await run(False)


async def mended():
    await run(True)
