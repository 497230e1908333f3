"""
A list is fetched page by page by number, and an entry in front of it is deleted meanwhile.
"""

import trio
from trio.lowlevel import checkpoint


class Table:
    def __init__(self):
        self.rows = [10, 20, 30, 40]

    async def page(self, start):
        await checkpoint()
        return self.rows[start : start + 2]

    async def page_after(self, last):
        await checkpoint()
        return [row for row in self.rows if row > last][:2]

    async def delete(self, row):
        await checkpoint()
        self.rows.remove(row)


async def fetch_by_number(table):
    rows = []
    while page := await table.page(len(rows)):
        rows += page
    return rows


async def fetch_by_key(table):
    rows = []
    while page := await table.page_after(rows[-1] if rows else 0):
        rows += page
    return rows


async def run(fetch):
    table = Table()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(table.delete, 10)
        rows = await fetch(table)
    assert {20, 30, 40} <= set(rows)


async def broken():
    await run(fetch_by_number)


async def mended():
    await run(fetch_by_key)
