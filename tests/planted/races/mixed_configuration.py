"""
A setting is read on each side of a wait, and the configuration is loaded anew in between.
"""

import trio
from trio.lowlevel import checkpoint


class Config:
    def __init__(self):
        self.values = {"host": "old", "port": "old"}

    async def reload(self):
        await checkpoint()
        self.values = {"host": "new", "port": "new"}


async def connect(config):
    host = config.values["host"]
    await checkpoint()  # The name is looked up.
    return host, config.values["port"]


async def connect_with_one_view(config):
    values = config.values
    host = values["host"]
    await checkpoint()
    return host, values["port"]


async def run(connect):
    config = Config()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(config.reload)
        host, port = await connect(config)
    assert host == port


async def broken():
    await run(connect)


async def mended():
    await run(connect_with_one_view)
