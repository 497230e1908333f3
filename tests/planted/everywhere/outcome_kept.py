"""
The outcome of a call is kept for later, whatever it is, and a cancellation is kept with it. Found by cancel_everywhere: child swallowed.
"""

import outcome
import trio

FINDS = {"cancel_everywhere": "child swallowed"}


async def gather(capture):
    outcomes = []

    async def call(seconds):
        outcomes.append(await capture(trio.sleep, seconds))

    async with trio.open_nursery() as nursery:
        for seconds in (1, 2):
            nursery.start_soon(call, seconds)
    return outcomes


async def capture_errors(fn, *args):
    try:
        return outcome.Value(await fn(*args))
    except Exception as exc:  # noqa: BLE001
        return outcome.Error(exc)


async def broken():
    await gather(outcome.acapture)


async def mended():
    await gather(capture_errors)
