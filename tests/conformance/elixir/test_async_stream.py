"""
The cases of Elixir's Task.Supervisor.async_stream, for maps.

Not here: those about links and exits of processes, which tasks have no counterpart of; ``:on_timeout``, since a deadline is a
scope in the function, and what it does is for the function to say.
"""

import pytest
import trio

import trio_run as tr
from tests.jobs import Gauge


@pytest.fixture
def gauge():
    """
    A count of what runs.
    """
    return Gauge()


async def wait_for(seconds):
    await trio.sleep(seconds)
    return seconds


async def fail_or_wait(seconds):
    if seconds < 0:
        raise ValueError(seconds)
    return await wait_for(seconds)


async def test_streams_an_enumerable():
    """
    Each input has its result.
    """
    async with tr.open_pool(4) as pool, pool.map(wait_for, [1, 2, 3, 4]) as outcomes:
        assert [1, 2, 3, 4] == [outcome.value async for outcome in outcomes]


@pytest.mark.parametrize("size", [1, 4, 8])
async def test_max_concurrency(gauge, size):
    """
    No more run at a time than that, also where there are fewer inputs.
    """
    async with tr.open_pool(size) as pool, pool.map(gauge.nap, [1] * 6) as outcomes:
        assert 6 == len([outcome async for outcome in outcomes])

    assert min(size, 6) == gauge.most


async def test_does_not_allow_streaming_with_max_concurrency_0():
    """
    A pool without slots is a pause, in which nothing runs until there are some.
    """
    async with tr.open_pool(0) as pool, pool.map(wait_for, [1]) as outcomes:
        with trio.move_on_after(5) as scope:
            await anext(outcomes)
        assert scope.cancelled_caught
        pool.limiter.total_tokens = 1
        assert 1 == (await anext(outcomes)).value


async def test_ordered_false():
    """
    Results may come as they are ready.
    """
    async with tr.open_pool(4) as pool, pool.map(wait_for, [4, 1, 2], order="completion") as outcomes:
        assert [1, 2, 4] == [outcome.value async for outcome in outcomes]


async def test_zip_input_on_exit():
    """
    A failure comes with its input, and others with theirs.
    """
    async with tr.open_pool(4) as pool, pool.map(fail_or_wait, [1, -1, 2]) as outcomes:
        seen = [(outcome.item, outcome.state.value) async for outcome in outcomes]

    assert [(1, "finished"), (-1, "failed"), (2, "finished")] == seen


async def test_timeout_of_one():
    """
    One that takes too long fails alone.
    """

    async def limited(seconds):
        with trio.fail_after(2):
            return await wait_for(seconds)

    async with tr.open_pool(4) as pool, pool.map(limited, [1, 9, 1]) as outcomes:
        seen = [type(outcome.error).__name__ async for outcome in outcomes]

    assert ["NoneType", "TooSlowError", "NoneType"] == seen


async def test_halting_the_stream_early(gauge):
    """
    Whoever takes only some leaves nothing running.
    """
    async with tr.open_pool(4) as pool:
        async with pool.map(gauge.nap, [1] * 1000) as outcomes:
            taken = [await anext(outcomes) for _ in range(3)]

    assert (3, 0) == (len(taken), gauge.now)
    assert 20 > len(gauge.began)


async def test_the_stream_raises():
    """
    An error of the inputs comes where it happened, and cancels nothing before it.
    """

    def inputs():
        yield 1
        raise ValueError("no more")

    async with tr.open_pool(4) as pool, pool.map(wait_for, inputs()) as outcomes:
        assert 1 == (await anext(outcomes)).value
        with pytest.raises(ValueError, match="no more"):
            await anext(outcomes)


async def test_the_consumer_raises(gauge):
    """
    An error in the loop cancels what runs, and is raised as it is.
    """
    async with tr.open_pool(4) as pool:
        with pytest.raises(ValueError, match="mine"):
            async with pool.map(gauge.nap, [1, 100, 100]) as outcomes:
                async for outcome in outcomes:
                    raise ValueError("mine", outcome)

        assert (0, 1) == (gauge.now, trio.current_time())
