"""
Tokens are handed out whole, in the order of asking, and none is lost.
"""

import random

import pytest
import trio

import trio_run as tr
from trio_run.testing import cancel_everywhere, explore


class TestWeightedLimiter:
    async def test_laws_in_a_storm(self):
        """
        However tokens are asked for, given up and given back: never more are held than there are, and none is lost.
        """
        chance = random.Random(0)
        limiter = tr.WeightedLimiter(7)
        held = 0

        async def use():
            nonlocal held
            for _ in range(20):
                tokens = chance.randrange(1, 8)
                with trio.move_on_after(chance.uniform(0, 5)):
                    async with limiter.hold(tokens):
                        held += tokens
                        assert held <= 7
                        try:
                            await trio.sleep(chance.random())
                        finally:
                            held -= tokens

        async with trio.open_nursery() as nursery:
            for _ in range(20):
                nursery.start_soon(use)

        assert tr.WeightedStatistics(7, 0, 0) == limiter.statistics()
        assert "<WeightedLimiter: 0 of 7 tokens held, 0 tasks waiting>" == repr(limiter)

    async def test_a_checkpoint(self):
        """
        To take tokens that are free is a checkpoint; cancelled there, nothing is taken.
        """
        limiter = tr.WeightedLimiter(1)
        with trio.CancelScope() as scope:
            scope.cancel()
            await limiter.acquire()

        assert scope.cancelled_caught
        assert 0 == limiter.statistics().held

    def test_at_every_point(self):
        """
        Cancelled anywhere, and in any order of tasks, no token is lost.
        """

        async def main():
            limiter = tr.WeightedLimiter(2)

            async def use(tokens):
                async with limiter.hold(tokens):
                    await trio.lowlevel.checkpoint()

            try:
                async with trio.open_nursery() as nursery:
                    for tokens in (1, 2, 1):
                        nursery.start_soon(use, tokens)
            finally:
                assert tr.WeightedStatistics(2, 0, 0) == limiter.statistics()

        assert [] == list(cancel_everywhere(main).findings)
        assert None is explore(main, schedules=100, seed=0).failure

    @pytest.mark.parametrize("tokens", [1.5, "1", None, True])
    async def test_a_number_to_hold_that_is_not_whole(self, tokens):
        """
        What cannot be counted in tokens cannot be held, or given back.
        """
        limiter = tr.WeightedLimiter(3)
        for call in (limiter.acquire_nowait, limiter.release):
            with pytest.raises(TypeError, match="in whole numbers, not"):
                call(tokens)
        with pytest.raises(TypeError, match="in whole numbers, not"):
            await limiter.acquire(tokens)

        assert 0 == limiter.statistics().held

    @pytest.mark.parametrize(
        ("tokens", "kind"), [(0, ValueError), (-1, ValueError), (1.5, TypeError), (True, TypeError)]
    )
    def test_bad_number(self, tokens, kind):
        """
        There is a whole number of tokens, and one at least.
        """
        with pytest.raises(kind, match="WeightedLimiter has"):
            tr.WeightedLimiter(tokens)
