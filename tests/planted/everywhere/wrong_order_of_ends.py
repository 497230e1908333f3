"""
Two services in one nursery are cancelled together, and the one below ends first. Found by both: invariant.
"""

import trio

FINDS = {"cancel_everywhere": "invariant", "fault_everywhere": "invariant"}

ends = []


async def serve(name):
    try:
        await trio.sleep_forever()
    finally:
        ends.append(name)


async def broken():
    ends.clear()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve, "database")
        nursery.start_soon(serve, "web")
        await trio.sleep(1)
        nursery.cancel_scope.cancel()


async def mended():
    ends.clear()
    fence = trio.CancelScope(shield=True)

    async def serve_behind_fence():
        with fence:
            await serve("database")

    async with trio.open_nursery() as below:
        below.start_soon(serve_behind_fence)
        try:
            async with trio.open_nursery() as above:
                above.start_soon(serve, "web")
                await trio.sleep(1)
                above.cancel_scope.cancel()
        finally:
            fence.cancel()


def check(result):
    assert ends in ([], ["database"], ["web"], ["web", "database"])
