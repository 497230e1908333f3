"""
A stage of a pipeline takes whatever goes wrong with an item for an item without a result. Found by cancel_everywhere: child
swallowed.
"""

import trio

from trio_run import Pipeline, sink, source, stage

FINDS = {"cancel_everywhere": "child swallowed"}


async def run(kinds):
    async def look_up(number):
        try:
            await trio.sleep(1)
        except kinds:
            return None
        return number

    async def keep(found):
        await trio.sleep(found or 0)

    await Pipeline(source(range(2)), stage(look_up), sink(keep)).run()


async def broken():
    await run(BaseException)


async def mended():
    await run(Exception)
