"""
An audit adds up the accounts one by one while money moves from one that it has not seen to one that it has.
"""

import trio
from trio.lowlevel import checkpoint


class Bank:
    def __init__(self):
        self.accounts = {"a": 50, "b": 50, "c": 50}

    async def balance(self, name):
        await checkpoint()
        return self.accounts[name]

    async def move(self, source, target, amount):
        await checkpoint()
        self.accounts[source] -= amount
        self.accounts[target] += amount


async def audit(bank):
    total = 0
    for name in list(bank.accounts):
        total += await bank.balance(name)
    return total


async def audit_at_once(bank):
    await checkpoint()
    return sum(bank.accounts.values())


async def run(audit):
    bank = Bank()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(bank.move, "c", "a", 20)
        total = await audit(bank)
    assert total == 150


async def broken():
    await run(audit)


async def mended():
    await run(audit_at_once)
