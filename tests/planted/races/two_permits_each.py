"""
Each copy needs two buffers, and takes them one after the other while the other one does the same.
"""

import trio
from trio.lowlevel import checkpoint


async def copy(buffers):
    async with buffers:
        await checkpoint()
        async with buffers:
            await checkpoint()


async def copy_in_turn(buffers, turn):
    async with turn:
        await buffers.acquire()
        await buffers.acquire()
    await checkpoint()
    buffers.release()
    buffers.release()


async def broken():
    buffers = trio.Semaphore(2)
    async with trio.open_nursery() as nursery:
        for _ in range(2):
            nursery.start_soon(copy, buffers)


async def mended():
    buffers, turn = trio.Semaphore(2), trio.Lock()
    async with trio.open_nursery() as nursery:
        for _ in range(2):
            nursery.start_soon(copy_in_turn, buffers, turn)
