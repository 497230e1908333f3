"""
The tests of Elixir's Supervisor, told again for trio.
"""

import functools

import pytest
import trio

import trio_run as tr
from tests.conformance.children import AT_ONCE, BOOM, keep, kept, lives, phases
from tests.supervision.scripts import EventLog, Planned


class Web:
    """
    A runner that is made anew for each life.
    """

    def __init__(self, port: int = 80) -> None:
        self.port = port

    async def run(self) -> None:
        """
        Run until cancelled.
        """
        await trio.sleep_forever()


class TestSpecs:
    @pytest.mark.parametrize("runner", [keep, Web, Web(), Web().run, functools.partial(keep, 1), tr.Supervisor("web")])
    def test_generates_child_spec(self, runner: object):
        """
        generates child_spec/1: whatever can run becomes a child, with a name and the rules of one that is always kept.
        """
        (child,) = tr.Supervisor("shop", runner).children

        assert (True, tr.Restart.ALWAYS) == (bool(child.name), child.restart)

    def test_child_spec(self):
        """
        child_spec/2: the rules stand beside the runner, and what cannot run is named in the error.
        """
        child = tr.Child(Web, 8080, name="web", restart="on_failure", grace=1)

        assert ("web", tr.Restart.ON_FAILURE, 1) == (child.name, child.restart, child.grace)
        with pytest.raises(TypeError, match="'no runner'"):
            tr.Child("no runner")

    def test_init(self):
        """
        init/2: without a word it is one_for_one, and forgives ten restarts in a minute.
        """
        shop = tr.Supervisor("shop")

        assert (tr.Strategy.ONE_FOR_ONE, 10, 60.0) == (shop.strategy, shop.budget.restarts, shop.budget.per)

    def test_init_with_old_and_new_child_specs(self):
        """
        init/2 with old and new child specs: children, runners and supervisors may stand side by side.
        """
        shop = tr.Supervisor("shop", tr.Child(keep, name="a"), Web, tr.Supervisor("c"))

        assert ["a", "Web", "c"] == [child.name for child in shop.children]


class TestStart:
    async def test_start_link(self):
        """
        start_link/3, start_link/2: it starts with its children, and a child that fails is restarted under its name.
        """
        web = Planned(EventLog(), "web", (1, BOOM))
        async with tr.open_supervisor("shop", tr.Child(web)) as shop:
            before = shop.get("web")
            await trio.sleep(2)

            assert [("web", 2)] == lives(shop)
            assert before is shop.get("web")

    async def test_start_link_with_old_and_new_specs(self):
        """
        start_link/2 with old and new specs: all kinds of children come up.
        """
        async with tr.open_supervisor("shop", tr.Child(keep, name="a"), Web, tr.Supervisor("c")) as shop:
            assert [("a", "up"), ("Web", "up"), ("c", "up")] == phases(shop)

    @pytest.mark.parametrize("runner", [tr.Child(keep, name="web"), tr.Supervisor("web")])
    async def test_start_child_with_a_spec(self, runner: object):
        """
        start_child/2 with old spec, start_child/2 with new spec: a child or a supervisor, with its rules.
        """
        async with tr.open_supervisor("shop") as shop:
            assert "shop/web" == (await shop.start(runner)).name
            assert [("web", "up")] == phases(shop)

    async def test_start_child_with_a_tuple(self):
        """
        start_child/2 with a tuple: a function and its arguments.
        """
        seen = []

        async def serve(port: int, *, task_status: trio.TaskStatus[int]) -> None:
            seen.append(port)
            task_status.started(port)

        async with tr.open_supervisor("shop") as shop:
            assert 80 == await shop.start(serve, 80)
        assert [80] == seen

    @pytest.mark.parametrize("runner", [3, "web", None])
    async def test_start_child_with_an_invalid_spec(self, runner: object):
        """
        start_child/2 with an invalid spec: what cannot run is refused, and nothing has happened.
        """
        async with tr.open_supervisor("shop") as shop:
            with pytest.raises(TypeError):
                await shop.start(runner)

            assert [] == phases(shop)

    @pytest.mark.parametrize("grace", [0, 1])
    async def test_start_child_with_a_valid_spec(self, grace: float):
        """
        start_child/2 with a valid spec: a child may have no grace, or a second.
        """
        async with tr.open_supervisor("shop") as shop:
            await shop.start(tr.Child(keep, grace=grace))

            assert [grace] == [child.grace for child in shop.children]

    async def test_child_life_cycle(self):
        """
        child life cycle: started, stopped, restarted, removed; and counted in each state.
        """
        async with tr.open_supervisor("shop") as shop:
            await shop.start(tr.Child(keep))
            assert [("keep", "up")] == phases(shop)
            await shop.stop("keep")
            assert [("keep", "down")] == phases(shop)
            await shop.restart("keep")
            assert [("keep", "up")] == phases(shop)
            await shop.remove("keep")
            assert [] == phases(shop)
            with pytest.raises(tr.ChildNotFound):
                await shop.remove("keep")


async def test_the_budget_is_that_of_the_supervisor():
    """
    start_link/3: children share its budget, and when that is spent it raises.
    """
    shop = tr.Supervisor(
        "shop",
        *(tr.Child(Planned(EventLog(), name, (1, BOOM)), name=name) for name in "abcd"),
        *kept("z"),
        backoff=AT_ONCE,
        budget=tr.Budget(restarts=3, per=5),
    )
    with pytest.raises(tr.GaveUp):
        await shop.run()
