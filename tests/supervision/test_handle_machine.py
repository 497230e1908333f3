"""
Orders at random, among failures, against a model of what they come to; and cancelled at any moment.

The model knows nothing of time: it says which children there are, in which order, and who is wanted up, once all is quiet.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable

import attrs
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

import trio_run as tr

NAMES = "abcd"


@attrs.frozen
class Spec:
    """
    How a child behaves: what it is called, how often it fails, and whether it ever comes up.
    """

    name: str
    version: int
    crashes: int
    bad: bool
    listens: bool


@attrs.define
class World:
    """
    What the children do, seen from inside.
    """

    live: dict[str, int] = attrs.field(factory=dict)
    lives: dict[Spec, int] = attrs.field(factory=dict)
    doubles: list[str] = attrs.field(factory=list)

    async def child(self, spec: Spec, *, task_status: trio.TaskStatus[None]) -> None:
        """
        Live one life.
        """
        if self.live.get(spec.name):
            self.doubles.append(spec.name)
        self.live[spec.name] = self.live.get(spec.name, 0) + 1
        try:
            await trio.sleep(0.5)
            if spec.bad:
                raise OSError("boom")
            task_status.started()
            self.lives[spec] = self.lives.get(spec, 0) + 1
            await trio.sleep(0.7)
            if self.lives[spec] <= spec.crashes:
                raise OSError("boom")
            await (tr.wait_stopping() if spec.listens else trio.sleep_forever())
        finally:
            with trio.CancelScope(shield=True):
                await trio.sleep(0.3)
            self.live[spec.name] -= 1

    def spec(self, spec: Spec) -> tr.Child:
        """
        The child of a spec.
        """
        return tr.Child(self.child, spec, name=spec.name, grace=2)


@attrs.define
class Model:
    """
    What is to come of all orders: the children in start order, and whether each is wanted.
    """

    children: dict[str, tuple[Spec, bool]] = attrs.field(factory=dict)

    def start(self, spec: Spec) -> str:
        """
        Start a child.
        """
        if spec.name in self.children:
            return "DuplicateChild"
        if spec.bad:
            return "StartFailed"
        self.children[spec.name] = (spec, True)
        return ""

    def replace(self, spec: Spec) -> str:
        """
        Put a child in the place of the one of that name.
        """
        if spec.name not in self.children:
            return "ChildNotFound"
        self.children[spec.name] = (spec, not spec.bad)
        return "StartFailed" if spec.bad else ""

    def stop(self, spec: Spec) -> str:
        """
        Stop the child of that name.
        """
        if spec.name not in self.children:
            return "ChildNotFound"
        self.children[spec.name] = (self.children[spec.name][0], False)
        return ""

    def restart(self, spec: Spec) -> str:
        """
        Restart the child of that name.
        """
        return self.replace(self.children.get(spec.name, (spec, True))[0])

    def remove(self, spec: Spec) -> str:
        """
        Forget the child of that name.
        """
        return "" if self.children.pop(spec.name, None) else "ChildNotFound"

    def reconfigure(self, plan: list[Spec]) -> str:
        """
        Have these children.
        """
        old, failed = self.children, False
        self.children = {}
        for spec in plan:
            if spec.name in old and old[spec.name][0] == spec:
                self.children[spec.name] = old[spec.name]
            elif spec.bad:
                failed = True
            else:
                self.children[spec.name] = (spec, True)
        return "ExceptionGroup" if failed else ""


def order_of(
    shop: tr.Supervisor, world: World, verb: str, spec: Spec, plan: list[Spec]
) -> Callable[[], Awaitable[object]]:
    """
    The call that carries out one step.
    """
    return {
        "start": lambda: shop.start(world.spec(spec)),
        "replace": lambda: shop.replace(spec.name, world.spec(spec)),
        "stop": lambda: shop.stop(spec.name),
        "restart": lambda: shop.restart(spec.name),
        "remove": lambda: shop.remove(spec.name),
        "reconfigure": lambda: shop.reconfigure([world.spec(each) for each in plan]),
    }[verb]


SPECS = st.builds(
    Spec,
    name=st.sampled_from(NAMES),
    version=st.integers(0, 1),
    crashes=st.sampled_from([0, 0, 1, 2]),
    bad=st.sampled_from([False, False, False, True]),
    listens=st.booleans(),
)
VERBS = st.sampled_from(["start", "start", "replace", "stop", "restart", "remove", "reconfigure"])
STEPS = st.lists(
    st.tuples(
        VERBS, SPECS, st.lists(SPECS, max_size=4, unique_by=lambda spec: spec.name), st.sampled_from([0, 0.4, 1.1])
    ),
    min_size=1,
    max_size=8,
)
STRATEGIES = st.sampled_from([*tr.Strategy])


async def say(call: Callable[[], Awaitable[object]]) -> str:
    """
    Make a call, and say what it raised.
    """
    try:
        await call()
    except (tr.TrioRunError, ExceptionGroup) as exc:
        return type(exc).__name__
    return ""


def run(main: Callable[[], Awaitable[None]]) -> None:
    """
    Run *main* in virtual time, with nobody who logs.

    A child that fails in the very moment that it is stopped is not lost: the run of its supervisor raises that.
    """
    with tr.use_sinks(lambda _event: None):
        try:
            trio.run(main, clock=MockClock(autojump_threshold=0))
        except* OSError:
            pass


def supervisor(strategy: tr.Strategy) -> tr.Supervisor:
    """
    One that never gives up, and waits a little before its restarts.
    """
    backoff = tr.Backoff(first=0.2, max=0.4)
    return tr.Supervisor("shop", strategy=strategy, budget=tr.Budget(restarts=math.inf), backoff=backoff)


@given(steps=STEPS, strategy=STRATEGIES)
@settings(max_examples=150)
def test_orders_come_to_what_the_model_says(steps: list, strategy: tr.Strategy):
    """
    Each order returns or raises as the model has it, and when all is quiet the children, their order and their state agree.
    """
    world, model = World(), Model()
    shop = supervisor(strategy)

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            await nursery.start(shop.run)
            for verb, spec, plan, pause in steps:
                expected = model.reconfigure(plan) if verb == "reconfigure" else getattr(model, verb)(spec)
                with trio.fail_after(100):
                    actual = await say(order_of(shop, world, verb, spec, plan))

                assert expected == actual

                await trio.sleep(pause)
            await trio.sleep(100)

            assert [(name, wanted) for name, (_spec, wanted) in model.children.items()] == [
                (each.name, each.wanted) for each in shop.statistics()
            ]
            assert all(each.phase == ("up" if each.wanted else "down") for each in shop.statistics())
            assert {name for name, count in world.live.items() if count} == {
                name for name, (_spec, wanted) in model.children.items() if wanted
            }

            shop.request_stop()

    run(main)

    assert [] == world.doubles
    assert not any(world.live.values())


@given(
    steps=STEPS,
    strategy=STRATEGIES,
    patience=st.lists(st.sampled_from([0.0, 0.3, 0.6, 5.0]), min_size=8, max_size=8),
    ends_at=st.one_of(st.none(), st.floats(0, 8)),
    asked=st.booleans(),
)
@settings(max_examples=150)
def test_whatever_is_cancelled_nothing_hangs_and_nothing_is_left(
    steps: list, strategy: tr.Strategy, patience: list[float], ends_at: float | None, asked: bool
):
    """
    Orders given side by side and cut short, and an end at any moment: at most one life at a time, every call returns, and a
    child that is wanted comes up.
    """
    world = World()
    shop = supervisor(strategy)
    inner_first = tr.Supervisor("root", shop)

    async def impatient(call: Callable[[], Awaitable[object]], seconds: float) -> None:
        with trio.move_on_after(seconds):
            await say(call)

    async def orders(scope: trio.CancelScope) -> None:
        async with trio.open_nursery() as nursery:
            for (verb, spec, plan, pause), seconds in zip(steps, patience, strict=False):
                nursery.start_soon(impatient, order_of(shop, world, verb, spec, plan), seconds)
                await trio.sleep(pause)
        await trio.sleep(100)
        if ends_at is None:
            assert all(each.phase == ("up" if each.wanted else "down") for each in shop.statistics())
        scope.cancel()

    async def main() -> None:
        with trio.fail_after(1000):
            async with trio.open_nursery() as nursery:
                await nursery.start(inner_first.run)
                nursery.start_soon(orders, nursery.cancel_scope)
                if ends_at is not None:
                    await trio.sleep(ends_at)
                    if asked:
                        inner_first.request_stop()
                    else:
                        nursery.cancel_scope.cancel()

    run(main)

    assert [] == world.doubles
    assert not any(world.live.values())
