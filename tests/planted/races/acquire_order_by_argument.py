"""
`merge(a, b)` locks its arguments in the order in which they are given, and somebody calls it the other way round.
"""

import trio
from trio.lowlevel import checkpoint


class Folder:
    def __init__(self, name, files):
        self.name = name
        self.files = set(files)
        self.lock = trio.Lock()


async def merge(target, source):
    async with target.lock, source.lock:
        await checkpoint()
        target.files |= source.files


async def merge_in_order(target, source):
    first, second = sorted((target, source), key=lambda folder: folder.name)
    async with first.lock, second.lock:
        await checkpoint()
        target.files |= source.files


async def run(merge):
    home, work, backup = Folder("home", "ab"), Folder("work", "bc"), Folder("backup", "")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(merge, backup, home)
        nursery.start_soon(merge, backup, work)
        nursery.start_soon(merge, home, work)
        nursery.start_soon(merge, work, home)
    assert home.files == work.files == set("abc")


async def broken():
    await run(merge)


async def mended():
    await run(merge_in_order)
