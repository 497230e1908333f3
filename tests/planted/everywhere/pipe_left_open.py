"""
The ends of a pipe are closed where the writer is done, and only there. Found by both: leak.
"""

import os

import trio

FINDS = {"cancel_everywhere": "leak", "fault_everywhere": "leak"}

kept = []


def close_kept():
    while kept:
        os.close(kept.pop())


async def broken():
    close_kept()
    kept.extend(os.pipe())
    await trio.sleep(1)
    close_kept()


async def mended():
    close_kept()
    kept.extend(os.pipe())
    try:
        await trio.sleep(1)
    finally:
        close_kept()


def tidy_up():
    """
    Close what the last run left.
    """
    close_kept()
