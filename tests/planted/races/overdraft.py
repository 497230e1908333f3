"""
Two withdrawals look at the balance, ask the bank, and then take the money.
"""

import trio
from trio.lowlevel import checkpoint


class Account:
    def __init__(self):
        self.balance = 100
        self.lock = trio.Lock()

    async def withdraw(self, amount):
        if self.balance >= amount:
            await checkpoint()
            self.balance -= amount

    async def withdraw_locked(self, amount):
        async with self.lock:
            await self.withdraw(amount)


async def spend(account, withdraw):
    async with trio.open_nursery() as nursery:
        nursery.start_soon(withdraw, 70)
        nursery.start_soon(withdraw, 60)
    assert account.balance >= 0


async def broken():
    account = Account()
    await spend(account, account.withdraw)


async def mended():
    account = Account()
    await spend(account, account.withdraw_locked)
