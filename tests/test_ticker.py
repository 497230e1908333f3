"""
Ticks come at fixed times, and late ones are left out.
"""

import math

import pytest
import trio

import trio_run as tr


async def ticks(ticker, rounds):
    """
    The numbers and times of ticks, where each round takes so many seconds.
    """
    seen, start = [], trio.current_time()
    rounds = iter(rounds)
    async for tick in ticker:
        seen.append((tick, trio.current_time() - start))
        seconds = next(rounds, None)
        if seconds is None:
            break
        await trio.sleep(seconds)
    return seen


class TestEvery:
    async def test_on_a_grid(self):
        """
        The times lie on a grid, however long each round takes.
        """
        assert [(0, 0), (1, 10), (2, 20), (3, 30)] == await ticks(tr.every(10), [1, 9, 0])

    async def test_first(self):
        """
        The first tick can be put off.
        """
        assert [(0, 3), (1, 13)] == await ticks(tr.every(10, first=3), [1])

    async def test_missed(self):
        """
        What was missed is left out: one tick comes late, the next is on the grid again.
        """
        assert [(0, 0), (2, 25), (3, 30), (4, 40)] == await ticks(tr.every(10), [25, 1, 1])

    async def test_just_in_time(self):
        """
        A round that takes just as long as a tick misses none.
        """
        assert [(0, 0), (1, 10), (2, 20)] == await ticks(tr.every(10), [10, 10])

    async def test_asked_to_stop(self):
        """
        The loop of a child that is asked to stop ends after the round it is at.
        """
        seen = {"a": [], "b": []}

        async def work(name):
            async for tick in tr.every(10):
                await trio.sleep(5)
                seen[name].append((tick, trio.current_time()))

        children = [tr.Child(work, name, name=name, restart="on_failure") for name in seen]
        async with tr.open_supervisor("shop", *children) as shop:
            await trio.sleep(12)
            await shop.stop("a")
            stopped = trio.current_time()
            await trio.sleep(3)  # Between two rounds.
            await shop.stop("b")

            assert (15, 18) == (stopped, trio.current_time())

        assert {"a": [(0, 5), (1, 15)], "b": [(0, 5), (1, 15)]} == seen

    async def test_cancelled_from_outside(self):
        """
        Cancelled, the wait for a tick ends.
        """
        with trio.move_on_after(15) as scope:
            await ticks(tr.every(10), [0] * 9)

        assert scope.cancelled_caught
        assert 15 == trio.current_time()

    async def test_a_checkpoint(self):
        """
        A tick that is due already is a checkpoint too.
        """
        ticker = tr.every(1)
        with trio.CancelScope() as scope:
            scope.cancel()
            await anext(ticker)

        assert scope.cancelled_caught

    @pytest.mark.parametrize(
        ("args", "kind"),
        [
            ((0,), ValueError),
            ((-1,), ValueError),
            ((math.inf,), ValueError),
            ((math.nan,), ValueError),
            (("1",), TypeError),
            ((True,), TypeError),
        ],
    )
    async def test_bad_arguments(self, args, kind):
        """
        The time between ticks is a number of seconds that is more than none.
        """
        with pytest.raises(kind, match=r"every\(\)"):
            tr.every(*args)
        with pytest.raises(ValueError, match="0 s or more"):
            tr.every(1, first=-1)
