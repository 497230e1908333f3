"""
Two things are closed one after the other, and the wait in the first one is cancelled again. Found by both: invariant.
"""

import trio

FINDS = {"cancel_everywhere": "invariant", "fault_everywhere": "invariant"}

still_open = set()


class Resource:
    def __init__(self, name):
        self.name = name
        still_open.add(name)

    async def aclose(self):
        try:
            await trio.lowlevel.checkpoint()
        finally:
            still_open.discard(self.name)


async def broken():
    still_open.clear()
    first, second = Resource("first"), Resource("second")
    try:
        await trio.sleep(1)
    finally:
        await first.aclose()
        await second.aclose()


async def mended():
    still_open.clear()
    first, second = Resource("first"), Resource("second")
    try:
        await trio.sleep(1)
    finally:
        try:
            await first.aclose()
        finally:
            await second.aclose()


def check(result):
    assert still_open == set()
