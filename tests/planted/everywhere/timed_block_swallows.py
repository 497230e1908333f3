"""
A context manager that measures logs what goes wrong inside of it, and lets nothing out. Found by cancel_everywhere: swallowed.
"""

import contextlib

import trio

FINDS = {"cancel_everywhere": "swallowed"}


@contextlib.contextmanager
def timed(seconds, kinds):
    began = trio.current_time()
    try:
        yield
    except kinds:
        seconds.append(None)
    else:
        seconds.append(trio.current_time() - began)


async def run(kinds):
    seconds = []
    for _ in range(2):
        with timed(seconds, kinds):
            await trio.sleep(1)


async def broken():
    await run(BaseException)


async def mended():
    await run(Exception)
