"""
trio-util: values that can be waited for, periodic loops, and waits for one or all.
"""

from functools import partial

import trio
from trio_util import AsyncValue, RepeatedEvent, azip, compose_values, move_on_when, periodic, wait_all, wait_any


async def value_wait():
    """
    Somebody waits for a value to be something.
    """
    value = AsyncValue(0)

    async def change():
        for number in (1, 2):
            value.value = number
            await trio.lowlevel.checkpoint()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(change)
        assert await value.wait_value(lambda number: number > 0) > 0


async def value_transitions():
    """
    A loop over the changes of a value that is left early.
    """
    value = AsyncValue(0)

    async def change():
        for number in range(1, 4):
            await trio.sleep(1)
            value.value = number

    async with trio.open_nursery() as nursery:
        nursery.start_soon(change)
        async for new, _old in value.transitions():
            if new == 2:
                break


async def value_composed():
    """
    A value made of two others.
    """
    left, right = AsyncValue(1), AsyncValue(1)

    async def change():
        await trio.sleep(1)
        left.value = 2
        right.value = 2

    with compose_values(left=left, right=right) as both:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(change)
            await both.wait_value(lambda pair: pair.left == pair.right == 2)


async def repeated_event():
    """
    Events of which each listener hears at least the last.
    """
    event, heard = RepeatedEvent(), []

    async def listen():
        await event.wait()
        heard.append(1)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(listen)
        await trio.testing.wait_all_tasks_blocked()
        event.set()
    assert heard


async def periodic_loop():
    """
    A loop that is left after its second round.
    """
    rounds = 0
    async for _ in periodic(1):
        rounds += 1
        if rounds == 2:
            break


async def zipped():
    """
    Two async iterators at once.
    """

    async def count(to):
        for number in range(to):
            await trio.sleep(1)
            yield number

    pairs = [pair async for pair in azip(count(2), count(2))]
    assert pairs == [(0, 0), (1, 1)]


async def waits():
    """
    One of several, and all of several.
    """
    await wait_any(partial(trio.sleep, 1), trio.sleep_forever)
    await wait_all(partial(trio.sleep, 1), partial(trio.sleep, 2))
    async with move_on_when(trio.sleep, 1):
        await trio.sleep(5)


SCENARIOS = (value_wait, value_transitions, value_composed, repeated_event, periodic_loop, zipped, waits)
