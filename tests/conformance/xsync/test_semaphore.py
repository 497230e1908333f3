"""
The tests of Go's golang.org/x/sync/semaphore, told again for `WeightedLimiter`.
"""

import pytest
import trio

import trio_run as tr


async def test_weighted():
    """
    TestWeighted: a hammer of callers never holds more than there is.
    """
    limiter, held = tr.WeightedLimiter(10), 0

    async def hammer(tokens):
        nonlocal held
        for _ in range(50):
            async with limiter.hold(tokens):
                held += tokens
                assert held <= 10
                await trio.lowlevel.checkpoint()
                held -= tokens

    async with trio.open_nursery() as nursery:
        for tokens in range(1, 11):
            nursery.start_soon(hammer, tokens)

    assert 0 == limiter.statistics().held


def test_weighted_panic():
    """
    TestWeightedPanic: to give back what is not held is a mistake.
    """
    limiter = tr.WeightedLimiter(1)

    with pytest.raises(RuntimeError, match="only 0 are held"):
        limiter.release()


def test_weighted_try_acquire():
    """
    TestWeightedTryAcquire: true, false, and after a release true again.
    """
    limiter, tries = tr.WeightedLimiter(2), []

    def attempt(tokens):
        try:
            limiter.acquire_nowait(tokens)
        except trio.WouldBlock:
            tries.append(False)
        else:
            tries.append(True)

    limiter.acquire_nowait(1)
    attempt(1)
    attempt(1)
    limiter.release(2)
    attempt(1)
    limiter.acquire_nowait(1)
    attempt(1)

    assert [True, False, True, False] == tries
    limiter.release(2)


async def test_weighted_acquire():
    """
    TestWeightedAcquire: the same with a short wait in place of none.
    """
    limiter, tries = tr.WeightedLimiter(2), []

    async def attempt(tokens):
        with trio.move_on_after(0.01) as scope:
            await limiter.acquire(tokens)
        tries.append(not scope.cancelled_caught)

    await limiter.acquire(1)
    await attempt(1)
    await attempt(1)
    limiter.release(2)
    await attempt(1)
    await limiter.acquire(1)
    await attempt(1)

    assert [True, False, True, False] == tries
    limiter.release(2)


async def test_weighted_doesnt_block_if_too_big():
    """
    TestWeightedDoesntBlockIfTooBig, but better: who wants more than there is need not wait to find that out.
    """
    limiter = tr.WeightedLimiter(2)
    with pytest.raises(ValueError, match="1 to 2 tokens"):
        await limiter.acquire(3)

    await limiter.acquire(2)
    limiter.release(2)


async def test_large_acquire_doesnt_starve():
    """
    TestLargeAcquireDoesntStarve: who wants all is served, though others with small wishes come and go.
    """
    limiter, done = tr.WeightedLimiter(3), trio.Event()

    async def nibble():
        while not done.is_set():
            async with limiter.hold(1):
                await trio.sleep(1)

    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(nibble)
            await trio.sleep(0.3)
        async with limiter.hold(3):
            done.set()


async def test_alloc_cancel_doesnt_starve():
    """
    TestAllocCancelDoesntStarve: when the first in line goes away, those behind it are served.
    """
    limiter = tr.WeightedLimiter(10)
    await limiter.acquire(1)
    async with trio.open_nursery() as nursery:

        async def want_all():
            with trio.move_on_after(1):
                await limiter.acquire(10)

        nursery.start_soon(want_all)
        await trio.testing.wait_all_tasks_blocked()
        await limiter.acquire(1)

    assert 1 == trio.current_time()
    assert 2 == limiter.statistics().held
    limiter.release(2)


async def test_weighted_acquire_canceled():
    """
    TestWeightedAcquireCanceled: a cancelled wait takes nothing, even if tokens are given back at the same moment.
    """
    limiter = tr.WeightedLimiter(2)
    await limiter.acquire(2)
    async with trio.open_nursery() as nursery:
        with trio.CancelScope() as scope:
            nursery.start_soon(trio.sleep, 0)

            async def both():
                await trio.testing.wait_all_tasks_blocked()
                scope.cancel()
                limiter.release(2)

            nursery.start_soon(both)
            await limiter.acquire(1)

    assert scope.cancelled_caught
    assert 0 == limiter.statistics().held
