"""
A child that crashes for ever, without any delay, holds up nobody: orders are served between two of its lives.
"""

import contextlib
from collections.abc import Awaitable, Callable

import pytest
import trio

import trio_run as tr

Order = Callable[[tr.Supervisor], Awaitable[object]]
FOR_EVER = {"budget": tr.Budget(restarts=float("inf")), "backoff": tr.Backoff(first=0.0, max=0.0)}


class Crashing:
    """
    A runner that fails at once, with or without being ready.
    """

    def __init__(self, *, ready: bool) -> None:
        self.is_ready, self.lives = ready, 0

    async def run(self, *, task_status: trio.TaskStatus[None]) -> None:
        """
        Fail.
        """
        self.lives += 1
        if self.lives == 1 or self.is_ready:
            task_status.started()
        raise ValueError


async def stop_all(hot: tr.Supervisor) -> None:
    """
    Have the supervisor stop, and wait until it has.
    """
    hot.request_stop()
    with contextlib.suppress(ExceptionGroup):
        await hot.wait_stopped()


async def start_another(hot: tr.Supervisor) -> None:
    """
    Start one more child.
    """
    await hot.start(tr.Child(trio.sleep_forever, name="c"))


ALONE: dict[str, Order] = {
    "stop all": stop_all,
    "stop it": lambda hot: hot.stop("a"),
    "remove it": lambda hot: hot.remove("a"),
    "stop another": lambda hot: hot.stop("b"),
    "restart another": lambda hot: hot.restart("b"),
    "start another": start_another,
}
TOGETHER = {name: order for name, order in ALONE.items() if name not in {"restart another", "start another"}}
CASES = [(tr.Strategy.ONE_FOR_ONE, name) for name in ALONE] + [
    (strategy, name) for strategy in (tr.Strategy.ONE_FOR_ALL, tr.Strategy.REST_FOR_ONE) for name in TOGETHER
]


async def run_hot(runner: Crashing, strategy: tr.Strategy, order: Callable[[tr.Supervisor], Awaitable[None]]) -> None:
    """
    Let *runner* crash a few hundred times, and carry out *order* then.
    """

    async def run(hot: tr.Supervisor) -> None:
        try:
            await hot.run()
        except* ValueError:  # Of a life that was there when all had to go.
            pass

    children = [tr.Child(runner.run, name="a", restart="always"), tr.Child(trio.sleep_forever, name="b")]
    hot = tr.Supervisor("hot", *children, strategy=strategy, **FOR_EVER)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(run, hot)
        while runner.lives < 300:
            await trio.lowlevel.checkpoint()
        await order(hot)
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("ready", [True, False])
@pytest.mark.parametrize(("strategy", "name"), CASES)
async def test_an_order_is_served(strategy: tr.Strategy, name: str, ready: bool, autojump_clock):
    """
    No time passes, and only a few lives begin and end, before a call is answered.
    """
    runner, seen = Crashing(ready=ready), []

    async def order(hot: tr.Supervisor) -> None:
        before = runner.lives
        await ALONE[name](hot)
        seen.append(runner.lives - before)

    await run_hot(runner, strategy, order)

    assert seen[0] <= 4
    assert 0 == trio.current_time()


@pytest.mark.parametrize("strategy", tr.Strategy)
async def test_a_cancellation_is_served(strategy: tr.Strategy, autojump_clock):
    """
    So is one from outside, which has no call to make.
    """
    runner, before = Crashing(ready=True), []

    async def order(_hot: tr.Supervisor) -> None:
        before.append(runner.lives)

    await run_hot(runner, strategy, order)

    assert runner.lives - before[0] <= 4
