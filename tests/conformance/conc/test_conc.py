"""
What sourcegraph/conc promises of its pools and iterators, and its defects the other way round.

Not here: panics.Catcher, since `try` is that; streams with callbacks, which are a map and a loop.
"""

import pytest
import trio

import trio_run as tr
from tests.jobs import Gauge, nap


@pytest.fixture
def gauge():
    """
    A count of what runs.
    """
    return Gauge()


async def square(number):
    await trio.sleep(10 - number)
    return number * number


async def square_or_fail(number):
    if number == 1:
        raise OSError("one")
    return await square(number)


class TestResults:
    async def test_in_the_order_of_submission(self):
        """
        Results are in the order in which the inputs came, whichever was ready first.
        """
        async with tr.open_pool(3) as pool, pool.map(square, range(10)) as outcomes:
            assert [number * number for number in range(10)] == [outcome.value async for outcome in outcomes]

    async def test_fail_fast(self, gauge):
        """
        Where failures cancel the rest, what waits never begins.
        """
        with pytest.RaisesGroup(OSError):
            async with tr.open_group(limit=1) as group:
                group.start_soon(square_or_fail, 1)
                for _ in range(3):
                    group.start_soon(gauge.nap, 1)

        assert [] == gauge.began


class TestDefects:
    async def test_results_after_an_error_are_there(self):
        """
        One error loses no other result, and it is known which input it belongs to.
        """
        async with tr.open_pool(5) as pool, pool.map(square_or_fail, range(5)) as outcomes:
            seen = {outcome.item: outcome.error or outcome.value async for outcome in outcomes}

        assert [0, 4, 9, 16] == [seen[number] for number in (0, 2, 3, 4)]
        assert "one" == str(seen[1])

    async def test_without_a_limit_there_is_none(self, gauge):
        """
        An unlimited pool runs all that the window lets in.
        """
        async with tr.open_pool(float("inf")) as pool, pool.map(gauge.nap, [1] * 100) as outcomes:
            assert 100 == len([outcome async for outcome in outcomes])

        assert (100, 1) == (gauge.most, trio.current_time())

    async def test_a_blocked_offer_can_be_cancelled(self):
        """
        Who waits for room may give up.
        """
        async with tr.open_pool(1, max_waiting=0) as pool:
            pool.start_soon(nap, 5)
            with trio.move_on_after(1) as scope:
                await pool.submit(nap, 1)

        assert scope.cancelled_caught

    async def test_an_error_discards_no_other(self):
        """
        All errors are there in the end, and all results with them.
        """
        with pytest.RaisesGroup(OSError, OSError):
            async with tr.open_group(limit=2, on_failure="collect") as group:
                handles = [group.start_soon(square_or_fail, number) for number in (1, 2, 1, 3)]

        assert [4, 9] == [handles[1].value, handles[3].value]
