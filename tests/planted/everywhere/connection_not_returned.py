"""
A connection goes back to its pool only where the query went well. Found by both: invariant.
"""

import trio

FINDS = {"cancel_everywhere": "invariant", "fault_everywhere": "invariant"}

idle = []


async def query(connection):
    await trio.sleep(1)
    return connection


async def broken():
    idle[:] = ["connection"]
    connection = idle.pop()
    await query(connection)
    idle.append(connection)


async def mended():
    idle[:] = ["connection"]
    connection = idle.pop()
    try:
        await query(connection)
    finally:
        idle.append(connection)


def check(result):
    assert idle == ["connection"]
