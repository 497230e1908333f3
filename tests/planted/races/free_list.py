"""
A free list is popped by comparing its top: the top is the same again after others took two entries and gave one back.
"""

import trio
from trio.lowlevel import checkpoint


class FreeList:
    def __init__(self, tagged):
        self.next = {"a": "b", "b": "c", "c": None}
        self.top, self.tag = "a", 0
        self.tagged = tagged
        self.taken = set()

    async def pop(self):
        while True:
            top, tag = self.top, self.tag
            rest = self.next[top]
            await checkpoint()
            if self.top == top and (self.tag == tag or not self.tagged):
                self.top, self.tag = rest, self.tag + 1
                assert top not in self.taken
                self.taken.add(top)
                return top

    def push(self, entry):
        self.taken.remove(entry)
        self.next[entry] = self.top
        self.top, self.tag = entry, self.tag + 1


async def one_by_one(entries):
    entries.push(await entries.pop())
    await checkpoint()
    await entries.pop()


async def two_and_one_back(entries):
    first = await entries.pop()
    await entries.pop()
    entries.push(first)
    await checkpoint()
    assert entries.top not in entries.taken


async def run(tagged):
    entries = FreeList(tagged)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(one_by_one, entries)
        nursery.start_soon(two_and_one_back, entries)


async def broken():
    await run(False)


async def mended():
    await run(True)
