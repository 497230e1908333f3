"""
A search as one types shows what answers last, which may be the answer to what was typed first.
"""

import trio
from trio.lowlevel import checkpoint


class Search:
    def __init__(self):
        self.typed = ""
        self.shown = None

    async def ask(self, text):
        await checkpoint()
        return f"about {text}"

    async def type(self, text):
        self.typed = text
        self.shown = await self.ask(text)

    async def type_looking_again(self, text):
        self.typed = text
        answer = await self.ask(text)
        if self.typed == text:
            self.shown = answer


async def run(type_in):
    search = Search()
    async with trio.open_nursery() as nursery:
        for text in ("a", "ab", "abc"):
            nursery.start_soon(type_in, search, text)
            await checkpoint()
    assert search.shown == f"about {search.typed}"


async def broken():
    await run(Search.type)


async def mended():
    await run(Search.type_looking_again)
