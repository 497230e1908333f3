"""
The number of requests under way goes up and comes down only if the answer was sent. Found by both: invariant.
"""

import trio

FINDS = {"cancel_everywhere": "invariant", "fault_everywhere": "invariant"}

active = []


async def handle(request):
    await trio.sleep(1)
    return request


async def broken():
    active.clear()
    async with trio.open_nursery() as nursery:

        async def serve(request):
            active.append(request)
            await handle(request)
            active.remove(request)

        for request in range(2):
            nursery.start_soon(serve, request)


async def mended():
    active.clear()
    async with trio.open_nursery() as nursery:

        async def serve(request):
            active.append(request)
            try:
                await handle(request)
            finally:
                active.remove(request)

        for request in range(2):
            nursery.start_soon(serve, request)


def check(result):
    assert active == []
