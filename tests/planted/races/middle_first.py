"""
Three tasks hand something on, which goes wrong only if the second one is the first and the third the last.
"""

import trio


async def run(order, name):
    order.append(name)


async def broken():
    order = []
    async with trio.open_nursery() as nursery:
        for name in "abc":
            nursery.start_soon(run, order, name)
    assert order != ["b", "a", "c"]


async def mended():
    order = []
    async with trio.open_nursery() as nursery:
        for name in "abc":
            nursery.start_soon(run, order, name)
    assert sorted(order) == ["a", "b", "c"]
