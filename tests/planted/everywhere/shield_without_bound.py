"""
The farewell is shielded, and the one who should answer it is gone. Found by cancel_everywhere: hang.
"""

import trio

FINDS = {"cancel_everywhere": "hang"}


async def answer(asked, answered):
    await asked.wait()
    answered.set()


async def ask(asked, answered, bound):
    try:
        await trio.sleep(1)
    finally:
        with trio.move_on_after(bound, shield=True):
            asked.set()
            await answered.wait()


async def talk(bound):
    asked, answered = trio.Event(), trio.Event()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(answer, asked, answered)
        nursery.start_soon(ask, asked, answered, bound)


async def broken():
    await talk(float("inf"))


async def mended():
    await talk(5)
