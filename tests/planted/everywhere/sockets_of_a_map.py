"""
Each job of a map opens a pair of sockets, and closes them when it is done with its input. Found by both: leak.
"""

import contextlib
import socket

import trio

from trio_run import open_pool

FINDS = {"cancel_everywhere": "leak", "fault_everywhere": "leak"}


opened = []


async def careless(seconds):
    pair = socket.socketpair()
    opened.extend(pair)
    await trio.sleep(seconds)
    for each in pair:
        each.close()


async def careful(seconds):
    with contextlib.ExitStack() as stack:
        for each in socket.socketpair():
            stack.enter_context(each)
        await trio.sleep(seconds)


async def run(fetch):
    async with open_pool(2) as pool, pool.map(fetch, [1, 2]) as pages:
        async for _ in pages:
            pass


async def broken():
    await run(careless)


async def mended():
    await run(careful)


def tidy_up():
    """
    Close what all runs have left open.
    """
    while opened:
        opened.pop().close()
