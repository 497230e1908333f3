"""
What stands after the `yield` of a context manager is skipped if its block does not end well. Found by both: invariant.
"""

import contextlib

import trio

FINDS = {"cancel_everywhere": "invariant", "fault_everywhere": "invariant"}

users = []


@contextlib.asynccontextmanager
async def logged_in(name):
    users.append(name)
    yield name
    users.remove(name)


@contextlib.asynccontextmanager
async def logged_in_for_sure(name):
    users.append(name)
    try:
        yield name
    finally:
        users.remove(name)


async def broken():
    users.clear()
    async with logged_in("ann"):
        await trio.sleep(1)


async def mended():
    users.clear()
    async with logged_in_for_sure("ann"):
        await trio.sleep(1)


def check(result):
    assert users == []
