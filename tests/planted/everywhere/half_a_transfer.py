"""
Money is under way while others may run. Found by both: invariant.
"""

import trio

FINDS = {"cancel_everywhere": "invariant", "fault_everywhere": "invariant"}

accounts = {}


async def broken():
    accounts.update(anna=100, bert=0)
    accounts["anna"] -= 10
    await trio.sleep(1)
    accounts["bert"] += 10


async def mended():
    accounts.update(anna=100, bert=0)
    await trio.sleep(1)
    accounts["anna"] -= 10
    accounts["bert"] += 10


def check(result):
    assert 100 == sum(accounts.values())
