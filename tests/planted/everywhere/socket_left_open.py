"""
A socket is closed after the talk, and not if the talk is broken off. Found by both: leak.
"""

import socket

import trio

FINDS = {"cancel_everywhere": "leak", "fault_everywhere": "leak"}

kept = []


async def broken():
    left, right = socket.socketpair()
    tidy_up()
    kept[:] = [left, right]
    await trio.sleep(1)
    left.close()
    right.close()


async def mended():
    left, right = socket.socketpair()
    with left, right:
        await trio.sleep(1)


def tidy_up():
    """
    Close what the last run left.
    """
    while kept:
        kept.pop().close()
