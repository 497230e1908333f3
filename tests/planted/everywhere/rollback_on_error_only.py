"""
A transaction is rolled back when there is an error, and a cancellation is none. Found by cancel_everywhere: invariant.
"""

import trio

FINDS = {"cancel_everywhere": "invariant"}

rows, pending = [], []


async def insert(row):
    pending.append(row)
    await trio.sleep(1)


def commit():
    rows.extend(pending)
    pending.clear()


async def broken():
    pending.clear()
    try:
        await insert("a")
        await insert("b")
    except Exception:
        pending.clear()
        raise
    commit()


async def mended():
    pending.clear()
    try:
        await insert("a")
        await insert("b")
    except BaseException:
        pending.clear()
        raise
    commit()


def check(result):
    assert pending == []
