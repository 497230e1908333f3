"""
The handler of an error makes another one, and the first is lost. Found by fault_everywhere: wrong exception.
"""

import trio

FINDS = {"fault_everywhere": "wrong exception"}


async def broken():
    try:
        await trio.sleep(1)
    except Exception as exc:  # noqa: BLE001 - as careless as it looks
        raise KeyError(str(exc)) from None


async def mended():
    try:
        await trio.sleep(1)
    except Exception as exc:
        raise KeyError("while asleep") from exc
