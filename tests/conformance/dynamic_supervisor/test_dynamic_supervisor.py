"""
The tests of Elixir's DynamicSupervisor, told again for trio: a supervisor whose children all come while it runs.
"""

import math

import pytest
import trio

import trio_run as tr
from tests.conformance.children import AT_ONCE, BOOM, PATIENT, fails, ignores, keep, kept, lives, phases, refuses
from tests.supervision.scripts import EventLog, Planned, polite, steady


class TestSupervised:
    async def test_can_be_supervised_directly(self):
        """
        can be supervised directly, multiple supervisors can be supervised and identified: by their names, without children.
        """
        one, two = tr.Supervisor("one"), tr.Supervisor("two")
        async with tr.open_supervisor("shop", one, two) as shop:
            await one.start(tr.Child(keep))

            assert [("one", "up"), ("two", "up")] == phases(shop)
            assert ([("keep", "up")], []) == (phases(one), phases(two))

    def test_set_default_options(self):
        """
        init/1 set default options: no bound on the number of children, one_for_one, ten restarts in a minute.
        """
        shop = tr.Supervisor("shop")

        assert (math.inf, tr.Strategy.ONE_FOR_ONE, tr.Budget(restarts=10, per=60.0)) == (
            shop.max_children,
            shop.strategy,
            shop.budget,
        )

    @pytest.mark.parametrize(
        ("given", "text"),
        [
            ({"max_children": -1}, "max_children"),
            ({"max_children": "3"}, "max_children"),
            ({"strategy": "simple"}, "is no Strategy"),
            ({"budget": 3}, "is a Budget"),
            ({"extra_arguments": ()}, "unexpected keyword"),
        ],
    )
    def test_with_non_ok_init(self, given: dict[str, object], text: str):
        """
        start_link/3 with non-ok init, code_change/3 with non-ok init: rules that are none are refused.
        """
        with pytest.raises((TypeError, ValueError), match=text):
            tr.Supervisor("shop", **given)

    async def test_code_change_with_ok_init(self):
        """
        code_change/3 with ok init: another plan above puts one with other bounds in the place of the old.
        """
        one, two = tr.Supervisor("pool", max_children=9), tr.Supervisor("pool", max_children=1)
        async with tr.open_supervisor("shop", one) as shop:
            one.start_soon(keep)
            one.start_soon(keep)
            await shop.reconfigure([two])
            two.start_soon(keep)
            with pytest.raises(tr.TooManyChildren):
                two.start_soon(keep)


class TestStartChild:
    @pytest.mark.parametrize("runner", [tr.Child(keep, name="a"), tr.Supervisor("a")])
    async def test_start_child_with_specs(self, runner: object):
        """
        start_child/2 supports old child spec, start_child/2 supports new child spec as a map: a child, or a supervisor.
        """
        async with tr.open_supervisor("shop") as shop:
            await shop.start(runner)

            assert [("a", "up")] == phases(shop)

    async def test_start_child_as_a_tuple(self):
        """
        start_child/2 supports new child spec as a tuple, start_child/2 supports extra arguments: a function and what it takes.
        """
        seen = []

        async def use(*args: int) -> None:
            await trio.lowlevel.checkpoint()
            seen.append(args)

        async with tr.open_supervisor("shop") as shop:
            await shop.start_soon(use, 1, 2).wait()

        assert [(1, 2)] == seen

    async def test_start_child_with_invalid_child_spec(self):
        """
        start_child/2 with invalid child spec: it is refused, and nothing has happened.
        """
        async with tr.open_supervisor("shop") as shop:
            for runner in (3, "a", None):
                with pytest.raises(TypeError):
                    shop.start_soon(runner)

            assert [] == phases(shop)

    async def test_start_child_with_different_returns(self):
        """
        start_child/2 with different returns: a value when ready, nothing to do, or an error.
        """

        async def serve(*, task_status: trio.TaskStatus[str]) -> None:
            task_status.started("extra")
            await trio.sleep_forever()

        async def forgets(*, task_status: trio.TaskStatus[str]) -> None:
            del task_status
            await trio.lowlevel.checkpoint()

        async with tr.open_supervisor("shop") as shop:
            assert "extra" == (await shop.start(tr.Child(serve))).ready_value
            await shop.start(tr.Child(ignores))
            assert [("serve", "up"), ("ignores", "down")] == phases(shop)
            with pytest.raises(tr.StartFailed, match="boom"):
                await shop.start(tr.Child(refuses))
            with pytest.raises(tr.StartFailed, match="returned before it was ready"):
                await shop.start(tr.Child(forgets))

            assert [("serve", "up"), ("ignores", "down")] == phases(shop)

    @pytest.mark.parametrize("error", [ValueError("oops"), ExceptionGroup("two", [OSError()])])
    async def test_start_child_with_throw_error_exit(self, error: Exception):
        """
        start_child/2 with throw/error/exit: whatever is raised is the cause of the caller's error.
        """

        async def breaks(*, task_status: trio.TaskStatus[None]) -> None:
            del task_status
            raise error

        async with tr.open_supervisor("shop") as shop:
            with pytest.raises(tr.StartFailed) as caught:
                await shop.start(tr.Child(breaks))

            assert error is caught.value.__cause__

    async def test_start_child_with_an_exit(self):
        """
        start_child/2 with throw/error/exit, but better: an exit of the program is none of a child, and ends all.
        """

        async def leaves(*, task_status: trio.TaskStatus[None]) -> None:
            del task_status
            raise SystemExit(3)

        with pytest.RaisesGroup(SystemExit, flatten_subgroups=True):
            async with tr.open_supervisor("shop") as shop:
                shop.start_soon(tr.Child(leaves))
                await trio.sleep_forever()

    async def test_start_child_with_max_children(self):
        """
        start_child/2 with max_children: none at all, for example.
        """
        async with tr.open_supervisor("shop", max_children=0) as shop:
            with pytest.raises(tr.TooManyChildren, match="shop has 0 children and may have no more"):
                await shop.start(tr.Child(keep))


class TestRestarts:
    @pytest.mark.parametrize(
        ("restart", "outcome", "expected"),
        [
            ("never", BOOM, []),
            ("never", None, []),
            ("on_failure", None, [("web", 1)]),
            ("on_failure", BOOM, [("web", 2)]),
            ("always", None, [("web", 2)]),
            ("always", BOOM, [("web", 2)]),
        ],
    )
    async def test_who_is_restarted(self, restart: str, outcome: object, expected: list[tuple[str, int]]):
        """
        temporary child is not restarted regardless of reason, transient child is restarted unless normal or shutdown,
        permanent child is restarted regardless of reason: the table of restarts.
        """
        async with tr.open_supervisor("shop") as shop:
            shop.start_soon(tr.Child(Planned(EventLog(), "web", (1, outcome)), restart=restart))
            await trio.sleep(2)

            assert expected == lives(shop)

    @pytest.mark.parametrize(
        ("second", "expected"),
        [(keep, [("web", "up", 2)]), (ignores, [("web", "down", 2)]), (refuses, [("web", "up", 3)])],
    )
    async def test_restarted_with_different_values(self, second: object, expected: list[tuple[str, str, int]]):
        """
        child is restarted with different values: the second life runs, has nothing to do, or does not start.
        """
        count = 0

        async def web(*, task_status: trio.TaskStatus[int]) -> None:
            nonlocal count
            count += 1
            if count == 2 and second is not keep:
                await second(task_status=task_status)
            task_status.started(count)
            if count > 1:
                await trio.sleep_forever()
            await trio.sleep(1)
            raise BOOM

        async with tr.open_supervisor("shop", backoff=PATIENT) as shop:
            shop.start_soon(tr.Child(web))
            await trio.sleep(20)

            assert expected == [(each.name, each.phase, each.life) for each in shop.statistics()]

    async def test_restarting_children_counted_in_max_children(self):
        """
        restarting on init children counted in max_children, restarting on exit children counted in max_children: one that
        waits for its restart has its place, whether it failed before it was ready or after.
        """
        for early in (frozenset[int](), frozenset({2})):
            async with tr.open_supervisor("shop", backoff=PATIENT, max_children=1) as shop:
                shop.start_soon(tr.Child(Planned(EventLog(), "web", (0, BOOM), (0, BOOM), early=early)))
                await trio.sleep(1)
                assert [("web", "down")] == phases(shop)
                with pytest.raises(tr.TooManyChildren):
                    shop.start_soon(keep)

    async def test_restarting_a_child_with_extra_arguments(self):
        """
        restarting a child with extra_arguments: each life has the arguments of the first.
        """
        seen = []

        async def use(*args: int) -> None:
            seen.append(args)
            await trio.sleep(1)
            if len(seen) < 3:
                raise BOOM
            await trio.sleep_forever()

        async with tr.open_supervisor("shop", backoff=AT_ONCE) as shop:
            shop.start_soon(tr.Child(use, 1, 2))
            await trio.sleep(5)

        assert [(1, 2)] * 3 == seen

    async def test_child_is_restarted_when_trying_again(self):
        """
        child is restarted when trying again: a restart that fails is tried again, and then it is up.
        """
        async with tr.open_supervisor("shop", backoff=AT_ONCE) as shop:
            shop.start_soon(tr.Child(Planned(EventLog(), "web", (1, BOOM), (0, BOOM), early=frozenset({2}))))
            await trio.sleep(2)

            assert [("web", 3)] == lives(shop)

    @pytest.mark.parametrize("early", [frozenset(), frozenset(range(2, 9))])
    async def test_child_triggers_maximum_restarts(self, early: frozenset[int]):
        """
        child triggers maximum restarts, child triggers maximum intensity when trying again: the error leaves the supervisor,
        and a transient one is restarted for it.
        """
        log = EventLog()
        pool = tr.Supervisor("pool", backoff=AT_ONCE, budget=tr.Budget(restarts=1))
        async with tr.open_supervisor("shop", tr.Child(pool, restart="on_failure")) as shop:
            with tr.use_sinks(log):
                pool.start_soon(tr.Child(Planned(log, "web", *[(1, BOOM)] * 9, early=early)))
            await trio.sleep(9)

            assert ([("pool", 2)], []) == (lives(shop), lives(pool))
        assert 2 == log.lines.count("web starts")


class TestTerminate:
    @pytest.mark.parametrize(
        ("grace", "drain", "how", "seconds"),
        [
            pytest.param(0, 9, "cancelled", 0, id="brutal kill"),
            pytest.param(math.inf, 9, "drained", 9, id="infinity"),
            pytest.param(5, 1, "drained", 1, id="integer"),
            pytest.param(5, 9, "cancelled", 5, id="expired integer"),
        ],
    )
    async def test_terminate(self, grace: float, drain: float, how: str, seconds: float):
        """
        terminates children with brutal kill, terminates children with infinity shutdown, terminates children with integer
        shutdown, terminates children with expired integer shutdown: all at the same time.
        """
        async with tr.open_supervisor("shop") as shop:
            for name in "abc":
                child = tr.Child(polite(EventLog(), name, drain=drain), name=name, restart="never", grace=grace)
                shop.start_soon(child)
            await trio.sleep(1)

        assert 1 + seconds == trio.current_time()
        assert [(how, seconds)] * 3 == [(each.how, each.seconds) for each in shop.stop_report.children]

    @pytest.mark.parametrize("grace", [math.inf, 5])
    async def test_terminate_abnormal(self, grace: float):
        """
        terminates children with infinity shutdown and abnormal reason, terminates children with integer shutdown and abnormal
        reason: what they raise is in the report, and raised in the end.
        """

        async def breaks() -> None:
            await tr.wait_stopping()
            raise BOOM

        with pytest.RaisesGroup(OSError, OSError, flatten_subgroups=True):
            async with tr.open_supervisor("shop") as shop:
                for name in "ab":
                    shop.start_soon(tr.Child(breaks, name=name, restart="never", grace=grace))
                await trio.sleep(1)

        assert [("drained", BOOM)] * 2 == [(each.how, each.error) for each in shop.stop_report.children]

    async def test_terminate_permanent_normal(self):
        """
        terminates children with permanent restart and normal reason: one that returns when it is asked to has done well.
        """
        log = EventLog()
        with tr.use_sinks(log):
            async with tr.open_supervisor("shop") as shop:
                shop.start_soon(tr.Child(tr.wait_stopping, restart="always"))
                await trio.sleep(1)

        assert [("drained", None)] == [(each.how, each.error) for each in shop.stop_report.children]
        assert [] == [event for event in log.named("child.stopped") if event.error]

    async def test_terminate_mixed(self):
        """
        terminates with mixed children: each has its own grace, and the whole takes as long as the longest.
        """
        graces = [0, 1, 2, math.inf]
        async with tr.open_supervisor("shop") as shop:
            for number, grace in enumerate(graces):
                child = polite(EventLog(), "x", drain=3)
                shop.start_soon(tr.Child(child, name=str(number), restart="never", grace=grace))
            await trio.sleep(1)

        seconds = {each.path[-1]: each.seconds for each in shop.stop_report.children}
        assert ({"0": 0, "1": 1, "2": 2, "3": 3}, 4) == (seconds, trio.current_time())

    @pytest.mark.parametrize(("grace", "seconds"), [(0, 0), (2, 2)])
    async def test_terminate_child(self, grace: float, seconds: float):
        """
        terminate_child/2 terminates child with brutal kill shutdown, terminate_child/2 terminates child with integer
        shutdown: and a second call finds nobody.
        """
        async with tr.open_supervisor("shop") as shop:
            shop.start_soon(tr.Child(polite(EventLog(), "a", drain=9), name="a", restart="never", grace=grace))
            await trio.sleep(1)
            report = await shop.stop("a")

            assert ("cancelled", 1 + seconds) == (report.how, trio.current_time())
            with pytest.raises(tr.ChildNotFound):
                await shop.stop("a")

    async def test_terminate_restarting_child(self):
        """
        terminate_child/2 terminates restarting child: one that waits for its restart can be removed.
        """
        async with tr.open_supervisor("shop", *kept("z"), backoff=PATIENT) as shop:
            shop.start_soon(tr.Child(fails))
            await trio.sleep(1)
            assert [("z", "up"), ("fails", "down")] == phases(shop)
            await shop.remove("fails")
            await trio.sleep(20)

            assert [("z", "up")] == phases(shop)

    async def test_cancelled_from_outside(self):
        """
        terminates with mixed children: cancelled from outside, none has a grace, and the last goes first.
        """
        log = EventLog()
        with trio.move_on_after(1):
            async with tr.open_supervisor("shop") as shop:
                shop.start_soon(polite(log, "a", drain=9))
                shop.start_soon(tr.Child(steady(log, "b", cleanup=1), name="b"))
                await trio.sleep_forever()

        assert [(2, "b ends"), (2, "a ends")] == log.notes[-2:]

    async def test_valid_shutdown(self):
        """
        start_child/2 with valid shutdown, start_child/2 with invalid shutdown: a number of seconds, without end too.
        """
        for grace in (0, 1, 0.5, math.inf):
            assert grace == tr.Child(keep, grace=grace).grace
        for grace in (-1, math.nan, "infinity", True):
            with pytest.raises((TypeError, ValueError), match="grace"):
                tr.Child(keep, grace=grace)
