"""
The clean-up asks for a connection that is not there yet. Found by both: wrong exception.
"""

import trio

FINDS = {"cancel_everywhere": "wrong exception", "fault_everywhere": "wrong exception"}


async def connect():
    await trio.sleep(1)
    return []


async def broken():
    try:
        connection = await connect()
        await trio.sleep(1)
    finally:
        connection.clear()


async def mended():
    connection = await connect()
    try:
        await trio.sleep(1)
    finally:
        connection.clear()
