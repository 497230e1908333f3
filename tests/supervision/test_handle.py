"""
Supervisors at work: what their users see.
"""

import math

import pytest
import trio

import trio_run as tr
from tests.supervision.scripts import EventLog, Planned, polite, steady

pytestmark = pytest.mark.everywhere_allow(
    "children fail on purpose",
    raises=(OSError, KeyError, tr.EndedBeforeReady, tr.LeakedCancelled, tr.SupervisorStopping),
)

BOOM = OSError("boom")


class Forever:
    """
    A runner that runs until it is cancelled.
    """

    async def run(self) -> None:
        await trio.sleep_forever()


async def run_for(seconds: float, supervisor: tr.Supervisor, log: EventLog) -> None:
    """
    Run a supervisor, and ask it to stop after so many virtual seconds.
    """
    with tr.use_sinks(log):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(supervisor.run)
            await trio.sleep(seconds)
            supervisor.request_stop()


class TestConstruction:
    def test_children_may_be_runners_or_supervisors(self):
        """
        What is not a Child yet is made one, with the rules of a child that is always kept.
        """
        supervisor = tr.Supervisor("shop", Forever, tr.Supervisor("workers", grace=7.0))

        assert ["Forever", "workers"] == [child.name for child in supervisor.children]
        assert [5.0, 7.0] == [child.grace for child in supervisor.children]
        assert {tr.Restart.ALWAYS} == {child.restart for child in supervisor.children}

    def test_a_name_stands_only_once(self):
        """
        Two children of one name are refused before anything runs.
        """
        with pytest.raises(ValueError, match="two children called 'Forever'") as caught:
            tr.Supervisor("shop", Forever, Forever)

        assert str(caught.value).endswith("give one another name=.")

    def test_a_strategy_can_be_given_by_its_string(self):
        """
        The string value of a member does as well.
        """
        assert tr.Strategy.REST_FOR_ONE is tr.Supervisor("shop", strategy="rest_for_one").strategy

    def test_an_unknown_strategy_is_refused_with_the_known_ones(self):
        """
        The error lists what a strategy can be.
        """
        with pytest.raises(ValueError, match="'one_for_none' is no Strategy"):
            tr.Supervisor("shop", strategy="one_for_none")

    def test_a_budget_that_can_never_be_spent_is_refused(self):
        """
        A backoff so slow that the window always forgets is a mistake, found at construction.
        """
        with pytest.raises(ValueError, match="can never be spent"):
            tr.Supervisor("shop", budget=tr.Budget(restarts=10, per=5.0))

    @pytest.mark.parametrize("grace", [-1, math.nan, True, "5"])
    def test_grace_is_a_number_of_seconds(self, grace: object):
        """
        Other values are refused at construction.
        """
        with pytest.raises((TypeError, ValueError), match="grace"):
            tr.Supervisor("shop", grace=grace)  # type: ignore[arg-type]

    def test_a_budget_is_not_a_number(self):
        """
        Rules of the wrong type are refused.
        """
        with pytest.raises(TypeError, match=r"The budget of the supervisor 'shop' is a Budget\(...\), not 3"):
            tr.Supervisor("shop", budget=3)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match=r"The backoff of the supervisor 'shop' is a Backoff\(...\), not 0.5"):
            tr.Supervisor("shop", backoff=0.5)  # type: ignore[arg-type]


class TestNames:
    async def test_a_child_is_meant_by_its_name(self):
        """
        What is no string is refused, with what to give instead.
        """
        async with tr.open_supervisor("shop") as shop:
            handle = shop.start_soon(trio.lowlevel.checkpoint)
            with pytest.raises(TypeError, match=r"A child of shop is meant by its name, a string, and not by <Handle"):
                await shop.stop(handle)  # type: ignore[arg-type]


class TestRun:
    async def test_starts_in_order_and_stops_in_reverse(self):
        """
        Each child starts when the one before is ready, and ends when the one after is gone.
        """
        log = EventLog()
        shop = tr.Supervisor(
            "shop",
            tr.Child(steady(log, "db", start=1, cleanup=1), name="db"),
            tr.Child(steady(log, "web", start=1, cleanup=1), name="web"),
        )

        await run_for(5, shop, log)

        assert [
            (0, "db starts"),
            (1, "web starts"),
            (6, "web ends"),
            (7, "db ends"),
        ] == log.notes

    async def test_one_that_listens_drains_within_its_grace(self):
        """
        A child that hears the request ends by itself, and is not cancelled.
        """
        log = EventLog()

        await run_for(1, tr.Supervisor("shop", tr.Child(polite(log, "web", drain=3), name="web")), log)

        assert [(0, "web starts"), (1, "web drains"), (4, "web ends")] == log.notes
        assert ["drained"] == [event.how for event in log.named("child.stopped")]

    async def test_one_that_overstays_its_grace_is_cancelled(self):
        """
        The grace is over, the child is cancelled, and the log says so.
        """
        log = EventLog()

        await run_for(1, tr.Supervisor("shop", tr.Child(polite(log, "web", drain=100), name="web", grace=2)), log)

        assert [(0, "web starts"), (1, "web drains"), (3, "web ends")] == log.notes
        assert [2.0] == [event.grace for event in log.named("child.overdue")]

    async def test_a_stop_takes_at_most_the_grace_of_the_whole(self):
        """
        However many children use up their own graces, the bound of the supervisor holds, and the order too.
        """
        log = EventLog()
        children = [tr.Child(polite(log, name, drain=100), name=name, grace=4) for name in "abc"]

        await run_for(1, tr.Supervisor("shop", *children, grace=6), log)

        assert [(5, "c ends"), (7, "b ends"), (7, "a ends")] == [note for note in log.notes if "ends" in note[1]]

    async def test_the_deadline_is_handed_down_the_tree(self):
        """
        A supervisor below gives its children no more time than there is left above.
        """
        log = EventLog()
        inner = tr.Supervisor("inner", tr.Child(polite(log, "a", drain=100), name="a", grace=50))

        await run_for(1, tr.Supervisor("outer", inner, grace=3), log)

        assert [(0, "a starts"), (1, "a drains"), (4, "a ends")] == log.notes

    async def test_cancelled_from_outside_it_stops_in_reverse_order(self):
        """
        A cancellation reaches the children one after another, the last started first, without grace.
        """
        log = EventLog()
        shop = tr.Supervisor(
            "shop",
            tr.Child(steady(log, "db", cleanup=1), name="db"),
            tr.Child(polite(log, "cache", drain=100), name="cache"),
            tr.Child(steady(log, "web", cleanup=1), name="web"),
        )

        with tr.use_sinks(log), trio.move_on_after(5) as scope:
            await shop.run()

        assert scope.cancelled_caught
        assert [(6, "web ends"), (6, "cache ends"), (7, "db ends")] == log.notes[3:]

    async def test_a_cancellation_with_a_grace(self):
        """
        Those that listen are asked, the last started first, and cancelled when the grace for all is over; below, too.
        """
        log = EventLog()
        inner = tr.Supervisor("inner", tr.Child(polite(log, "web", drain=2), name="web", grace=50), cancel_grace=50)
        shop = tr.Supervisor("shop", tr.Child(polite(log, "db", drain=9), name="db", grace=50), inner, cancel_grace=4)

        with tr.use_sinks(log), trio.move_on_after(5) as scope:
            await shop.run()

        assert scope.cancelled_caught
        assert [(5, "web drains"), (7, "web ends"), (7, "db drains"), (9, "db ends")] == log.notes[2:]

    async def test_below_another_a_cancellation_leaves_no_time(self):
        """
        A supervisor whose own grace is over has had its time.
        """
        log = EventLog()
        inner = tr.Supervisor("inner", tr.Child(polite(log, "web", drain=9), name="web", grace=50), cancel_grace=50)

        await run_for(1, tr.Supervisor("shop", tr.Child(inner, grace=0)), log)

        assert [(1, "web ends")] == log.notes[1:]

    def test_a_cancellation_with_a_grace_without_end(self):
        """
        Whoever cancels has to see an end of it.
        """
        with pytest.raises(ValueError, match="cancel_grace=inf: who cancels"):
            tr.Supervisor("shop", cancel_grace=math.inf)

    async def test_cancelled_while_it_stops_it_does_not_wait_for_graces(self):
        """
        A stop that is under way is cut short by a cancellation, in the same order.
        """
        log = EventLog()
        children = [tr.Child(polite(log, name, drain=100), name=name, grace=50) for name in "ab"]
        shop = tr.Supervisor("shop", *children)

        with trio.move_on_after(3):
            await run_for(1, shop, log)

        assert [(1, "b drains"), (3, "b ends"), (3, "a ends")] == log.notes[2:]

    async def test_cancelled_while_a_child_starts_nothing_is_left(self):
        """
        A boot that is cancelled takes down what was started, and what is starting.
        """
        log = EventLog()
        shop = tr.Supervisor(
            "shop", tr.Child(steady(log, "db"), name="db"), tr.Child(steady(log, "web", start=100), name="web")
        )

        with tr.use_sinks(log), trio.move_on_after(5):
            await shop.run()

        assert [(0, "db starts"), (0, "web starts"), (5, "web ends"), (5, "db ends")] == log.notes

    async def test_a_failed_boot_is_rolled_back(self):
        """
        What was started is stopped in reverse, and the error leads to the child and its own error.
        """
        log = EventLog()
        shop = tr.Supervisor(
            "shop",
            tr.Child(steady(log, "db", cleanup=1), name="db"),
            tr.Child(steady(log, "cache", cleanup=1), name="cache"),
            tr.Child(Planned(log, "web", (1, BOOM), early=frozenset({1})), name="web"),
            tr.Child(steady(log, "never"), name="never"),
        )

        with tr.use_sinks(log), pytest.raises(tr.StartFailed) as caught:
            await shop.run()

        assert "shop/web" == caught.value.path
        assert BOOM is caught.value.__cause__
        assert "shop/web did not start: OSError: boom" == str(caught.value)
        assert [(1, "web fails"), (2, "cache ends"), (3, "db ends")] == log.notes[3:]

    async def test_a_failed_boot_keeps_what_went_wrong_on_the_way_down(self):
        """
        An error raised while the boot is rolled back stands beside the StartFailed.
        """

        async def breaks_on_cancel() -> None:
            try:
                await trio.sleep_forever()
            finally:
                raise KeyError("late")

        async def fails(*, task_status: trio.TaskStatus[None]) -> None:
            raise BOOM

        with pytest.RaisesGroup(tr.StartFailed, KeyError) as caught:
            await tr.Supervisor("shop", breaks_on_cancel, fails).run()

        assert BOOM is caught.value.exceptions[0].__cause__

    async def test_a_runner_that_never_says_that_it_is_ready_fails_its_start(self):
        """
        Returning without started() is an error that names the way out.
        """

        async def forgets(*, task_status: trio.TaskStatus[None]) -> None:
            await trio.lowlevel.checkpoint()

        with pytest.raises(tr.StartFailed) as caught:
            await tr.Supervisor("shop", forgets).run()

        assert isinstance(caught.value.__cause__, tr.EndedBeforeReady)

    async def test_being_ready_twice_is_an_error(self):
        """
        A second started() in one life raises in the child.
        """

        async def twice(*, task_status: trio.TaskStatus[None]) -> None:
            task_status.started()
            with pytest.raises(RuntimeError, match=r"shop/twice#1 called task_status.started\(\) twice"):
                task_status.started()
            await trio.sleep_forever()

        await run_for(1, tr.Supervisor("shop", twice), EventLog())

    async def test_it_is_ready_when_all_its_children_are(self):
        """
        nursery.start(supervisor.run) returns after the last child's started().
        """
        log = EventLog()
        shop = tr.Supervisor("shop", *(tr.Child(steady(log, name, start=2), name=name) for name in "ab"))

        async with trio.open_nursery() as nursery:
            await nursery.start(shop.run)

            assert 4 == trio.current_time()

            shop.request_stop()

    async def test_it_runs_only_once_at_a_time_but_again_and_again(self):
        """
        A second run beside the first is an error, one after it is not.
        """
        log = EventLog()
        shop = tr.Supervisor("shop", tr.Child(steady(log, "db"), name="db"))
        for _ in range(2):
            async with trio.open_nursery() as nursery:
                await nursery.start(shop.run)
                with pytest.raises(RuntimeError, match="The supervisor shop is running already"):
                    await shop.run()
                shop.request_stop()

        assert ["db starts", "db ends"] * 2 == log.lines

    async def test_every_life_is_a_fresh_object(self):
        """
        A class is called anew for each life, in the context of the moment the child was added.
        """
        log = EventLog()
        made = []

        class Server:
            def __init__(self, port: int) -> None:
                made.append((port, self))

            async def run(self) -> None:
                if len(made) < 3:
                    raise BOOM
                await trio.sleep_forever()

        await run_for(5, tr.Supervisor("shop", tr.Child(Server, 8080)), log)

        assert [8080] * 3 == [port for port, _server in made]
        assert 3 == len({id(server) for _port, server in made})

    async def test_restarts_wait_as_the_backoff_says(self):
        """
        The first at once, then growing delays; each restart is told with its cause.
        """
        log = EventLog()
        web = Planned(log, "web", (0, BOOM), (0, BOOM), (0, BOOM))
        backoff = tr.Backoff(first=1, factor=2, max=4, jitter=0)

        await run_for(10, tr.Supervisor("shop", tr.Child(web), backoff=backoff), log)

        assert [0, 0, 1, 3] == [when for when, text in log.notes if text == "web starts"]
        failed, scheduled, starting = (
            log.named(name)[-1] for name in ("child.failed", "child.restart_scheduled", "child.starting")
        )
        assert (failed.seq, scheduled.seq) == (scheduled.cause, starting.cause)

    async def test_giving_up_is_bare_and_holds_what_led_to_it(self):
        """
        The verdict is not wrapped in groups, and except* finds the child's own error in it.
        """
        log = EventLog()
        web = Planned(log, "web", *[(1, BOOM)] * 9)
        shop = tr.Supervisor(
            "shop", tr.Child(steady(log, "db"), name="db"), tr.Child(web), budget=tr.Budget(restarts=2, per=10)
        )

        with tr.use_sinks(log), pytest.raises(tr.GaveUp) as caught:
            await shop.run()

        verdict = caught.value
        assert (BOOM,) == verdict.exceptions
        assert ("shop", "web", 2, 10) == (verdict.path, verdict.child, verdict.restarts, verdict.per)
        assert 3 == len(verdict.history)
        assert "db ends" == log.lines[-1]
        assert [verdict.history] == [event.history for event in log.named("supervisor.gave_up")]

    async def test_giving_up_is_a_failure_like_any_other_one_level_up(self):
        """
        A supervisor that gave up is restarted by the one above, with a fresh budget.
        """
        log = EventLog()
        web = Planned(log, "web", *[(1, BOOM)] * 3)
        inner = tr.Supervisor("inner", tr.Child(web), budget=tr.Budget(restarts=1, per=10))

        await run_for(30, tr.Supervisor("outer", inner), log)

        assert ["inner#1"] == [f"{e.path.split('/')[-1]}#{e.life}" for e in log.named("child.failed", "outer/inner")]
        assert 4 == web.lives

    async def test_giving_up_before_it_is_ready_is_a_failed_start(self):
        """
        Where a supervisor gives up while it still starts, the one above has not started.
        """

        async def broken() -> None:
            raise BOOM

        async def slow(*, task_status: trio.TaskStatus[None]) -> None:
            await trio.sleep(1000)
            task_status.started()

        inner = tr.Supervisor("inner", broken, slow, budget=tr.Budget(restarts=1, per=10))

        with pytest.raises(tr.StartFailed) as caught:
            await tr.Supervisor("outer", inner).run()

        assert "outer/inner" == caught.value.path
        assert isinstance(caught.value.__cause__, tr.GaveUp)

    async def test_an_error_while_stopping_is_kept(self):
        """
        A child that breaks on its way out makes the run raise, after all are gone.
        """
        log = EventLog()

        async def breaks() -> None:
            try:
                await trio.sleep_forever()
            finally:
                raise KeyError("late")

        shop = tr.Supervisor("shop", tr.Child(steady(log, "db"), name="db"), breaks)

        with pytest.RaisesGroup(pytest.RaisesGroup(KeyError)) as caught:
            await run_for(1, shop, log)

        assert "children of shop failed while they were stopped" in str(caught.value.exceptions[0])
        assert "db ends" == log.lines[-1]
        assert ["KeyError('late')"] == [repr(e.error) for e in log.named("child.stopped", "shop/breaks")]

    async def test_an_error_while_stopping_survives_a_cancellation(self):
        """
        Under cancellation from outside the error still leaves the run, beside the Cancelled.
        """

        async def breaks() -> None:
            try:
                await trio.sleep_forever()
            finally:
                raise KeyError("late")

        with pytest.RaisesGroup(KeyError, flatten_subgroups=True), trio.move_on_after(1):
            await tr.Supervisor("shop", breaks).run()

    @pytest.mark.parametrize("fatal", [SystemExit(3), KeyboardInterrupt()])
    async def test_what_is_fatal_stops_all_and_leaves(self, fatal: BaseException):
        """
        KeyboardInterrupt and SystemExit are never restarted; siblings are stopped in order, at once.
        """
        log = EventLog()

        async def quits() -> None:
            await trio.sleep(1)
            raise fatal

        shop = tr.Supervisor(
            "shop",
            tr.Child(polite(log, "db", drain=9), name="db"),
            quits,
            tr.Child(steady(log, "web", cleanup=1), name="web"),
        )

        with tr.use_sinks(log), pytest.RaisesGroup(type(fatal)):
            await shop.run()

        assert [(2, "web ends"), (2, "db ends")] == log.notes[-2:]

    async def test_what_is_fatal_leaves_a_nested_supervisor_too(self):
        """
        The group is split at each level, and never restarted.
        """

        async def quits() -> None:
            raise SystemExit(3)

        with pytest.RaisesGroup(SystemExit, flatten_subgroups=True):
            await tr.Supervisor("outer", tr.Supervisor("inner", quits)).run()

    @pytest.mark.everywhere_allow("it counts on one error", raises=ValueError)
    async def test_a_leaked_cancelled_is_a_failure(self):
        """
        A Cancelled that nobody sent does not end the supervisor as if it had been cancelled.
        """
        log = EventLog()
        stored: list[trio.Cancelled] = []

        async def leaks() -> None:
            if stored:
                await trio.sleep_forever()
            with trio.CancelScope() as scope:
                scope.cancel()
                try:
                    await trio.lowlevel.checkpoint()
                except trio.Cancelled as exc:
                    stored.append(exc)
            raise stored[0]

        await run_for(1, tr.Supervisor("shop", leaks), log)

        (failed,) = log.named("child.failed")
        assert isinstance(failed.error, tr.LeakedCancelled)
        assert stored[0] is failed.error.__cause__

    async def test_context_variables_do_not_leak_from_life_to_life(self):
        """
        Each life begins with the context of the moment the child was added.
        """
        import contextvars  # noqa: PLC0415 - only here

        var = contextvars.ContextVar("var", default="clean")
        seen = []

        async def dirties() -> None:
            seen.append(var.get())
            var.set("dirty")
            if len(seen) < 3:
                raise BOOM
            await trio.sleep_forever()

        await run_for(5, tr.Supervisor("shop", dirties), EventLog())

        assert ["clean"] * 3 == seen

    async def test_a_stuck_child_is_reported_with_its_stack(self):
        """
        A child that does not go is named again and again, with the line it stands at, and waited for.
        """
        log = EventLog()

        await run_for(1, tr.Supervisor("shop", tr.Child(steady(log, "db", cleanup=25), name="db")), log)

        stuck = log.named("child.stuck", "shop/db")
        assert [10, 20] == [event.seconds for event in stuck]
        assert any("scripts.py" in line for line in stuck[0].stack)
        assert (26, "db ends") == log.notes[-1]

    async def test_tasks_are_named_by_path_and_life(self):
        """
        What trio and its tools show is where the task stands in the tree.
        """
        names = []

        async def web() -> None:
            names.append(trio.lowlevel.current_task().name)
            if len(names) < 2:
                raise BOOM
            await trio.sleep_forever()

        await run_for(1, tr.Supervisor("shop", tr.Supervisor("front", web)), EventLog())

        assert ["shop/front/web#1", "shop/front/web#2"] == names


class TestStrategies:
    @pytest.mark.parametrize(
        ("strategy", "expected"),
        [
            ("one_for_one", ["b fails", "b starts"]),
            ("rest_for_one", ["b fails", "c is cancelled", "b starts", "c starts"]),
            ("one_for_all", ["b fails", "c is cancelled", "a is cancelled", "a starts", "b starts", "c starts"]),
        ],
    )
    async def test_who_goes_down_with_a_child(self, strategy: str, expected: list[str]):
        """
        Nobody, those started later, or all; down in reverse, up in order.
        """
        log = EventLog()
        children = [
            tr.Child(Planned(log, "a")),
            tr.Child(Planned(log, "b", (2, BOOM))),
            tr.Child(Planned(log, "c")),
        ]

        await run_for(3, tr.Supervisor("shop", *children, strategy=strategy), log)

        story = log.lines[3:]
        assert expected == story[: len(expected)]


class TestOrders:
    async def test_start_returns_when_the_child_is_ready(self):
        """
        The handle of a Child has what it gave to started().
        """

        async def serve(*, task_status: trio.TaskStatus[int]) -> None:
            await trio.sleep(2)
            task_status.started(8080)
            await trio.sleep_forever()

        async with tr.open_supervisor("shop") as shop:
            handle = await shop.start(tr.Child(serve, name="web"))

            assert (2, 8080, tr.State.RUNNING) == (trio.current_time(), handle.ready_value, handle.state)
            assert "shop/web" == handle.name

    async def test_start_of_a_function_is_shaped_like_a_nursery(self):
        """
        It returns what the function gave to started(), and the function runs once.
        """

        async def serve(port: int, *, task_status: trio.TaskStatus[int]) -> None:
            task_status.started(port + 1)

        async with tr.open_supervisor("shop") as shop:
            assert 8081 == await shop.start(serve, 8080)

            await trio.sleep(1)

            assert () == shop.statistics()

    async def test_a_failed_start_is_the_callers(self):
        """
        StartFailed comes from the error of the child, which is not kept; the supervisor lives on.
        """

        async def fails(*, task_status: trio.TaskStatus[None]) -> None:
            raise BOOM

        async with tr.open_supervisor("shop") as shop:
            with pytest.raises(tr.StartFailed) as caught:
                await shop.start(tr.Child(fails, name="web"))

            assert BOOM is caught.value.__cause__
            assert () == shop.statistics()

    async def test_cancelling_the_wait_for_a_start_leaves_the_child_alone(self):
        """
        The child goes on starting, and is ready in its time.
        """
        log = EventLog()
        async with tr.open_supervisor("shop") as shop:
            with trio.move_on_after(1):
                await shop.start(tr.Child(steady(log, "web", start=3), name="web"))

            assert ["starting"] == [child.phase for child in shop.statistics()]

            await trio.sleep(5)

            assert ["up"] == [child.phase for child in shop.statistics()]

    async def test_a_child_stopped_in_its_start_is_a_failed_start(self):
        """
        Who waits for it is told, and does not hang.
        """
        log = EventLog()
        async with tr.open_supervisor("shop") as shop, trio.open_nursery() as nursery:

            async def start() -> None:
                with pytest.raises(tr.StartFailed, match="shop/web did not start"):
                    await shop.start(tr.Child(steady(log, "web", start=9), name="web"))

            nursery.start_soon(start)
            await trio.sleep(1)
            await shop.stop("web")

    async def test_start_soon_returns_the_outcome_of_a_function(self):
        """
        A function that runs once leaves its value in the handle, and a failure leaves siblings alone.
        """

        async def double(number: int) -> int:
            await trio.sleep(1)
            if number < 0:
                raise BOOM
            return number * 2

        log = EventLog()
        with tr.use_sinks(log):
            async with tr.open_supervisor("shop") as shop:
                good, bad = shop.start_soon(double, 4), shop.start_soon(double, -1)

                assert 8 == await good.wait()
                with pytest.raises(OSError, match="boom"):
                    await bad.wait()

        assert ["shop/double", "shop/double-2"] == [good.name, bad.name]
        assert (tr.State.FINISHED, tr.State.FAILED) == (good.state, bad.state)
        assert ["child.lost shop/double-2#1"] == log.story("child.lost")

    async def test_start_soon_of_a_child_follows_its_rules(self):
        """
        A Child that nobody waits for is restarted when it fails.
        """
        log = EventLog()
        web = Planned(log, "web", (1, BOOM))
        async with tr.open_supervisor("shop") as shop:
            handle = shop.start_soon(tr.Child(web))
            await trio.sleep(3)

            assert (2, tr.State.RUNNING) == (web.lives, handle.state)

        assert tr.State.STOPPED is handle.state

    async def test_it_can_be_a_handler_nursery(self):
        """
        serve_listeners starts a handler for each connection in it, and one that fails harms nobody.
        """
        served = []

        async def handler(stream: trio.StapledStream) -> None:
            served.append(stream)
            raise BOOM

        class Listener(trio.abc.Listener[trio.StapledStream]):
            count = 0

            async def accept(self) -> trio.StapledStream:
                self.count += 1
                if self.count > 3:
                    await trio.sleep_forever()
                return trio.testing.memory_stream_pair()[0]

            async def aclose(self) -> None:
                await trio.lowlevel.checkpoint()

        with tr.use_sinks(EventLog()):
            async with tr.open_supervisor("sessions") as sessions:
                with trio.move_on_after(1):
                    await trio.serve_listeners(handler, [Listener()], handler_nursery=sessions)

        assert 3 == len(served)

    async def test_stopping_a_child_is_sticky(self):
        """
        A child stopped by hand stays down when its group restarts, until it is restarted by hand.
        """
        log = EventLog()
        a, b = Planned(log, "a"), Planned(log, "b", (5, BOOM))
        async with tr.open_supervisor("shop", tr.Child(a), tr.Child(b), strategy="one_for_all") as shop:
            await shop.stop("a")
            await trio.sleep(10)

            assert (1, 2) == (a.lives, b.lives)

            await shop.restart("a")

            assert (2, "up") == (a.lives, shop.statistics()[0].phase)

    async def test_stop_waits_until_the_child_is_gone(self):
        """
        The call returns after the cleanup of the child.
        """
        log = EventLog()
        async with tr.open_supervisor("shop", tr.Child(steady(log, "db", cleanup=3), name="db")) as shop:
            await shop.stop("db")

            assert (3, "db ends") == (trio.current_time(), log.lines[-1])

    @pytest.mark.parametrize("verb", ["stop", "remove"])
    async def test_a_stop_that_is_overtaken_by_a_restart_returns(self, verb: str):
        """
        The call ends with the life that it meant, though the child is up again at once.
        """
        log = EventLog()
        async with tr.open_supervisor("shop", tr.Child(steady(log, "db", cleanup=1), name="db")) as shop:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(getattr(shop, verb), "db")
                await trio.sleep(0.5)
                await shop.restart("db")

            assert 1 == trio.current_time()
            assert [("up", 2)] == [(child.phase, child.life) for child in shop.statistics()]

    async def test_cancelling_the_wait_for_a_stop_does_not_undo_it(self):
        """
        The child is down in its time, and stays down.
        """
        log = EventLog()
        async with tr.open_supervisor("shop", tr.Child(steady(log, "db", cleanup=3), name="db")) as shop:
            with trio.move_on_after(1):
                await shop.stop("db")
            await trio.sleep(5)

            assert [("down", False)] == [(child.phase, child.wanted) for child in shop.statistics()]

    async def test_stopping_in_the_backoff_is_immediate(self):
        """
        There is no task to wait for, and no restart comes.
        """
        log = EventLog()
        web = Planned(log, "web", *[(0, BOOM)] * 3)
        async with tr.open_supervisor("shop", tr.Child(web), backoff=tr.Backoff(first=5, max=5, jitter=0)) as shop:
            await trio.sleep(1)
            await shop.stop("web")
            await trio.sleep(100)

            assert 2 == web.lives

    async def test_restart_returns_when_the_new_life_is_ready(self):
        """
        The old life is gone by then, and the handle goes on.
        """
        log = EventLog()
        async with tr.open_supervisor("shop") as shop:
            first = await shop.start(tr.Child(steady(log, "db", start=1, cleanup=1), name="db"))
            second = await shop.restart("db")

            assert 3 == trio.current_time()
            assert first is second
            assert [("up", 2)] == [(child.phase, child.life) for child in shop.statistics()]

    async def test_restart_of_a_child_that_fails_follows_its_rules(self):
        """
        The call returns when a later life is ready.
        """
        log = EventLog()
        web = Planned(log, "web", (99, None), (0, BOOM), early=frozenset({2}))
        async with tr.open_supervisor("shop", tr.Child(web)) as shop:
            await shop.restart("web")

            assert 3 == web.lives

    async def test_restart_of_one_that_cannot_come_up_says_so(self):
        """
        A child that runs once and fails before it is ready ends the wait with StartFailed.
        """
        log = EventLog()
        web = Planned(log, "web", (9, None), (0, BOOM), early=frozenset({2}))
        async with tr.open_supervisor("shop") as shop:
            await shop.start(tr.Child(web, restart="never"))
            with pytest.raises(tr.StartFailed) as caught:
                await shop.restart("web")

            assert BOOM is caught.value.__cause__

    async def test_remove_frees_the_name(self):
        """
        Another child can have the name afterwards.
        """
        log = EventLog()
        async with tr.open_supervisor("shop", tr.Child(steady(log, "db"), name="db")) as shop:
            with pytest.raises(tr.DuplicateChild):
                await shop.start(tr.Child(Forever, name="db"))
            await shop.remove("db")
            await shop.start(tr.Child(Forever, name="db"))

            assert ["up"] == [child.phase for child in shop.statistics()]

    async def test_a_name_can_be_given_anew_at_once(self):
        """
        A child that rests is removed and another takes its name, with nothing happening in between.
        """
        log = EventLog()
        with tr.use_sinks(log):
            async with tr.open_supervisor("shop", tr.Child(Planned(log, "a", (0, 1)), restart="on_failure")) as shop:
                await trio.sleep(1)
                await shop.remove("a")
                handle = shop.start_soon(tr.Child(Forever, name="a"))
                await trio.sleep(1)

                assert (1, tr.State.RUNNING) == (len(shop.statistics()), handle.state)

        assert ["child.removed shop/a"] == log.story("child.removed")

    async def test_orders_about_unknown_children_raise(self):
        """
        Each order names what it looked for and what there is.
        """
        async with tr.open_supervisor("shop", Forever) as shop:
            for order in (shop.stop, shop.restart, shop.remove):
                with pytest.raises(tr.ChildNotFound, match="There is no child shop/web"):
                    await order("web")

    async def test_orders_to_a_supervisor_that_does_not_run_raise(self):
        """
        Before the run, while it stops and after it, orders are refused with the state.
        """
        log = EventLog()
        shop = tr.Supervisor("shop", tr.Child(steady(log, "db", cleanup=2), name="db"))
        with pytest.raises(tr.SupervisorNotRunning, match="shop is not running"):
            shop.request_stop()

        async with trio.open_nursery() as nursery:
            await nursery.start(shop.run)
            shop.request_stop()
            shop.request_stop("again")
            with pytest.raises(tr.SupervisorStopping, match="shop is stopping"):
                await shop.start(tr.Child(Forever))
        with pytest.raises(tr.SupervisorStopped, match="shop has stopped"):
            shop.start_soon(Forever)  # type: ignore[call-overload]

        assert () == shop.statistics()

    async def test_a_call_that_would_wait_for_itself_raises(self):
        """
        A child that stops itself, or a supervisor above it, is told so.
        """
        errors = []

        async def suicidal() -> None:
            for order in (inner.stop, inner.restart, inner.remove):
                with pytest.raises(tr.WouldDeadlock) as caught:
                    await order("suicidal")
                errors.append(str(caught.value))
            with pytest.raises(tr.WouldDeadlock):
                await outer.stop("inner")
            await trio.sleep_forever()

        inner = tr.Supervisor("inner", tr.Child(suicidal))
        outer = tr.Supervisor("outer", inner)

        await run_for(1, outer, EventLog())

        said = (
            "outer/inner/suicidal would wait for outer/inner/suicidal to end, and so for itself. "
            "Return instead, or ask from another child."
        )
        assert [said] * 3 == errors

    async def test_a_cancelled_handle_ends_the_life_only(self):
        """
        Cancelling through the handle is a failure, which the rules of the child mend.
        """
        log = EventLog()
        async with tr.open_supervisor("shop") as shop:
            handle = await shop.start(tr.Child(Planned(log, "web")))
            handle.cancel("a whim")
            await trio.sleep(1)

            assert 2 == shop.statistics()[0].life

    async def test_one_that_is_cancelled_before_it_begins_does_nothing(self):
        """
        A cancellation that comes before the first life is not lost.
        """
        ran = []

        async def job() -> None:
            await trio.lowlevel.checkpoint()
            ran.append(None)

        async with tr.open_supervisor("shop") as shop:
            handle = shop.start_soon(job)
            handle.cancel("changed my mind")
            with pytest.raises(tr.JobCancelled, match="changed my mind"):
                await handle.wait()

        assert [] == ran

    async def test_a_cancelled_function_is_over(self):
        """
        A function that runs once is gone when its handle is cancelled.
        """
        async with tr.open_supervisor("shop") as shop:
            handle = shop.start_soon(trio.sleep_forever)
            await trio.sleep(1)
            handle.cancel("a whim")
            with pytest.raises(tr.JobCancelled, match="a whim"):
                await handle.wait()

            assert tr.State.CANCELLED is handle.state

    async def test_many_sessions_stop_side_by_side(self):
        """
        What comes and goes drains together; the stop takes as long as the slowest, not as all of them.
        """
        log = EventLog()
        async with tr.open_supervisor("sessions") as sessions:
            for number in range(100):
                sessions.start_soon(polite(log, str(number), drain=3))
            await trio.sleep(1)

        assert 4 == trio.current_time()

    async def test_a_supervisor_brings_its_name_along(self):
        """
        Arguments beside a Child are a mistake that is said.
        """
        async with tr.open_supervisor("shop") as shop:
            with pytest.raises(TypeError, match="A Child brings its arguments and its name along"):
                shop.start_soon(tr.Child(Forever), name="x")  # type: ignore[call-overload]


class TestPaths:
    async def test_a_supervisor_opened_inside_a_child_stands_below_it(self):
        """
        Its path is that of the child it runs in, and its own name.
        """
        paths = []

        async def watch() -> None:
            async with tr.open_supervisor("files") as files:
                paths.append(files.path)
                await trio.sleep_forever()

        await run_for(1, tr.Supervisor("app", watch), EventLog())

        assert ["app/watch/files"] == paths
