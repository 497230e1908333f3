"""
An audit adds up two accounts while money is on its way from one to the other.
"""

import trio
from trio.lowlevel import checkpoint


class Bank:
    def __init__(self):
        self.left, self.right = 50, 50
        self.lock = trio.Lock()

    async def transfer(self):
        for _ in range(2):
            await checkpoint()
        async with self.lock:
            self.left -= 10
            await checkpoint()
            self.right += 10

    async def audit(self):
        for _ in range(5):
            await checkpoint()
        assert self.left + self.right == 100

    async def audit_locked(self):
        async with self.lock:
            await self.audit()


async def broken():
    bank = Bank()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(bank.transfer)
        nursery.start_soon(bank.audit)


async def mended():
    bank = Bank()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(bank.transfer)
        nursery.start_soon(bank.audit_locked)
