"""
Money goes round between three accounts, and each transfer locks the account it takes from first.
"""

import attrs
import trio
from trio.lowlevel import checkpoint


@attrs.define(eq=False)
class Account:
    number: int
    balance: int = 100
    lock: trio.Lock = attrs.field(factory=trio.Lock)


async def transfer(source, target, amount):
    async with source.lock:
        await checkpoint()
        async with target.lock:
            source.balance -= amount
            target.balance += amount


async def transfer_by_number(source, target, amount):
    first, second = sorted((source, target), key=lambda account: account.number)
    async with first.lock:
        await checkpoint()
        async with second.lock:
            source.balance -= amount
            target.balance += amount


async def run(move):
    accounts = [Account(number) for number in range(3)]
    async with trio.open_nursery() as nursery:
        for number, account in enumerate(accounts):
            nursery.start_soon(move, account, accounts[(number + 1) % 3], 10)
    assert [100, 100, 100] == [account.balance for account in accounts]


async def broken():
    await run(transfer)


async def mended():
    await run(transfer_by_number)
