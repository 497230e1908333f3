"""
A shielded upload is tried again until the server, which is cancelled as well, takes it. Found by cancel_everywhere: hang.
"""

import trio

FINDS = {"cancel_everywhere": "hang"}


async def stay(up):
    try:
        await trio.sleep(20)
    finally:
        up.clear()


async def upload(up, attempts):
    try:
        await trio.sleep(1)
    finally:
        with trio.CancelScope(shield=True):
            for _ in attempts():
                await trio.sleep(10)
                if up:
                    break


async def broken():
    def for_ever():
        while True:
            yield

    up = ["server"]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stay, up)
        nursery.start_soon(upload, up, for_ever)


async def mended():
    up = ["server"]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stay, up)
        nursery.start_soon(upload, up, lambda: range(3))
