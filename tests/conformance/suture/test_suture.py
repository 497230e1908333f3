"""
The tests of Go's suture, told again for trio, and its known defects, which must not be ours.
"""

import functools

import pytest
import trio

import trio_run as tr
from tests.conformance.children import AT_ONCE, BOOM, PATIENT, fails, keep, kept, lives, phases
from tests.supervision.scripts import EventLog, Planned, polite, steady


class TestTheHappyCase:
    async def test_the_happy_case(self):
        """
        TestTheHappyCase: a service that ends is started again, and stops with its supervisor.
        """
        web = Planned(EventLog(), "web", (1, "done"))
        async with tr.open_supervisor("shop", tr.Child(web)) as shop:
            await trio.sleep(2)
            assert [("web", 2)] == lives(shop)

        assert 1 == shop.stop_report.count("cancelled")

    async def test_adding_to_running_supervisor(self):
        """
        TestAddingToRunningSupervisor: a service that is added starts, and is listed.
        """
        async with tr.open_supervisor("shop") as shop:
            await shop.start(tr.Child(keep, name="web"))

            assert [("web", "up")] == phases(shop)
            assert ["web"] == [child.name for child in shop.children]

    async def test_failures(self):
        """
        TestFailures: a row of failures makes the delays longer, its sibling lives, and a stable life starts the row anew.
        """
        log = EventLog()
        web = Planned(log, "web", (0, BOOM), (0, BOOM), (0, BOOM), (30, BOOM))
        backoff = tr.Backoff(first=1, factor=2, jitter=0, stable_after=30)
        async with tr.open_supervisor(
            "shop", *kept("z"), tr.Child(web), backoff=backoff, budget=tr.Budget(restarts=5)
        ) as shop:
            await trio.sleep(60)

            assert [("z", 1), ("web", 5)] == lives(shop)
        assert [0, 0, 1, 3, 33] == [when for when, line in log.notes if line == "web starts"]

    async def test_running_already_running(self):
        """
        TestRunningAlreadyRunning: it is run once at a time, and a second run says so.
        """
        async with tr.open_supervisor("shop") as shop:
            with pytest.raises(RuntimeError, match="running already"):
                await shop.run()

    def test_full_construction(self):
        """
        TestFullConstruction, TestCoverage: each rule is as given, also a real zero, and no jitter.
        """
        shop = tr.Supervisor(
            "shop",
            budget=tr.Budget(restarts=0, per=1),
            backoff=tr.Backoff(first=0, factor=1, max=0, jitter=0, stable_after=0),
            grace=0,
        )

        assert (0, 0, 0, 0) == (shop.budget.restarts, shop.backoff.first, shop.backoff.jitter, shop.grace)

    async def test_default_logging(self, caplog: pytest.LogCaptureFixture):
        """
        TestDefaultLogging: without a sink what goes wrong is in the log of the standard library.
        """
        async with tr.open_supervisor("shop", tr.Child(Planned(EventLog(), "web", (0, BOOM)))):
            await trio.sleep(1)

        assert ["child.failed shop/web#1"] == [
            record.getMessage().partition(" seconds")[0] for record in caplog.records if record.levelname == "WARNING"
        ]

    async def test_nested_supervisors(self):
        """
        TestNestedSupervisors: a supervisor below tells the same sinks.
        """
        log = EventLog()
        with tr.use_sinks(log):
            async with tr.open_supervisor("shop", tr.Supervisor("inner", *kept("a"))):
                pass

        assert ["shop/inner", "shop"] == [event.path for event in log.named("supervisor.ready")]


class TestStopping:
    async def test_stopping_supervisor_stops_services(self):
        """
        TestStoppingSupervisorStopsServices: all are stopped, and then every call says that it has stopped.
        """
        log = EventLog()
        async with tr.open_supervisor("shop", tr.Child(steady(log, "a"), name="a")) as shop:
            pass

        assert ("a ends", ()) == (log.lines[-1], shop.statistics())
        for call in (shop.stop, shop.remove, shop.restart):
            with pytest.raises(tr.SupervisorStopped):
                await call("a")

    async def test_stopping_still_works_with_hung_services(self):
        """
        TestStoppingStillWorksWithHungServices, but better: a hung service is reported with its stack and waited for, never
        left behind.
        """
        log = EventLog()
        with tr.use_sinks(log):
            async with tr.open_supervisor("shop", tr.Child(steady(log, "a", cleanup=25), name="a"), grace=1) as shop:
                await trio.sleep(1)

        assert (26, [10, 20]) == (trio.current_time(), [event.seconds for event in log.named("child.stuck")])
        assert any("scripts.py" in line for line in log.named("child.stuck")[0].stack)
        assert [25] == [each.seconds for each in shop.stop_report.children]

    async def test_removing_hung_service(self):
        """
        TestRemovingHungService: so it is when it is removed.
        """
        log = EventLog()
        with tr.use_sinks(log):
            async with tr.open_supervisor("shop", tr.Child(steady(log, "a", cleanup=15), name="a")) as shop:
                await shop.remove("a")

                assert (15, []) == (trio.current_time(), phases(shop))
        assert ["shop/a"] == [event.path for event in log.named("child.stuck")]

    async def test_remove_service(self):
        """
        TestRemoveService: a child is removed by its name, of which its supervisor alone knows.
        """
        async with tr.open_supervisor("one", *kept("a")) as one, tr.open_supervisor("two") as two:
            with pytest.raises(tr.ChildNotFound, match="There is no child two/a"):
                await two.remove("a")
            await one.remove("a")
            with pytest.raises(tr.ChildNotFound, match="There is no child one/a"):
                await one.remove("a")

    async def test_service_report(self):
        """
        TestServiceReport: a snapshot holds each child with its path, those of supervisors below as well.
        """
        inner = tr.Supervisor("inner", *kept("a"))
        async with tr.open_supervisor("shop", inner, *kept("b")) as shop:
            below, beside = shop.snapshot().children

            assert ("shop/inner", "shop/b") == (below.path, beside.path)
            assert ["shop/inner/a"] == [each.path for each in below.supervisors[0].children]

    async def test_issue11(self):
        """
        TestIssue11: a child can be added to a supervisor that was itself just added.
        """
        inner = tr.Supervisor("inner")
        async with tr.open_supervisor("shop") as shop:
            await shop.start(inner)
            await inner.start(tr.Child(keep))

            assert [("keep", "up")] == phases(inner)

    async def test_remove_and_wait(self):
        """
        TestRemoveAndWait: it is gone when the call returns; removing again says that it is not there; a wait that takes too
        long is given up, by a scope; and after the end there is an error.
        """
        log = EventLog()
        async with tr.open_supervisor("shop", *(tr.Child(steady(log, n, cleanup=3), name=n) for n in "ab")) as shop:
            await shop.remove("a")
            assert 3 == trio.current_time()
            with pytest.raises(tr.ChildNotFound):
                await shop.remove("a")
            with trio.move_on_after(1) as scope:
                await shop.remove("b")
            assert scope.cancelled_caught
            await shop.remove("b")  # Waits for the rest.

            assert (6, []) == (trio.current_time(), phases(shop))
        with pytest.raises(tr.SupervisorStopped):
            await shop.remove("a")

    async def test_supervisor_management_issue35(self):
        """
        TestSupervisorManagementIssue35: cancelled at once after the start of 99 children, all are gone.
        """
        log = EventLog()
        with trio.CancelScope() as scope:
            async with tr.open_supervisor("shop") as shop:
                for number in range(99):
                    shop.start_soon(tr.Child(steady(log, "x"), name=str(number)))
                scope.cancel()
                await trio.sleep_forever()

        assert log.lines.count("x starts") == log.lines.count("x ends")
        assert () == shop.statistics()

    async def test_stop_after_remove_and_wait(self):
        """
        TestStopAfterRemoveAndWait: a stop after a removal reports nobody as stuck or overdue.
        """
        log = EventLog()
        with tr.use_sinks(log):
            async with tr.open_supervisor("shop", *kept("a", "b")) as shop:
                await shop.remove("a")

        assert [] == log.named("child.stuck") + log.named("child.overdue")
        assert ["shop/b"] == [each.path for each in shop.stop_report.children]

    async def test_add_after_stopping(self):
        """
        TestAddAfterStopping, but better: adding to one that has stopped is an error, and not silent.
        """
        async with tr.open_supervisor("shop") as shop:
            pass

        with pytest.raises(tr.SupervisorStopped):
            shop.start_soon(keep)
        with pytest.raises(tr.SupervisorStopped):
            await shop.start(tr.Child(keep))


class TestEnds:
    @pytest.mark.parametrize("nested", [False, True])
    async def test_do_not_restart(self, nested: bool):
        """
        TestServiceAndTreeTermination: a service can say that it is done, also from within a group, and stays down.
        """

        class Finished(tr.Done):
            """
            As a service of its own would call it.
            """

        async def done() -> None:
            await trio.sleep(1)
            raise ExceptionGroup("two tasks", [Finished()]) if nested else Finished

        async with tr.open_supervisor("shop", done, *kept("a")) as shop:
            await trio.sleep(2)

            assert [("done", "down"), ("a", "up")] == phases(shop)

    async def test_terminate_tree(self):
        """
        TestServiceAndTreeTermination: or that all has to end, on each level above where that is an error too.
        """

        async def ends() -> None:
            await trio.sleep(1)
            raise tr.Escalate from BOOM

        def above(error: Exception) -> tr.Decision:
            return tr.Decision.ESCALATE if isinstance(error, tr.GaveUp) else tr.Decision.RESTART

        inner = tr.Child(tr.Supervisor("inner", ends), classify=above)
        with pytest.raises(tr.GaveUp) as caught:
            await tr.Supervisor("top", *kept("a"), tr.Child(tr.Supervisor("outer", inner), classify=above)).run()

        assert ("top", 1) == (caught.value.path, trio.current_time())

    @pytest.mark.parametrize("restart", ["on_failure", "always"])
    async def test_do_not_propagate(self, restart: str):
        """
        TestDoNotPropagate: a subtree that ends because its children did takes nobody along; so it is with one that is made anew.
        """
        inner = tr.Supervisor(
            "inner", tr.Child(trio.sleep, 1, restart="on_failure"), *kept("b"), exit_when="first_exit"
        )
        async with tr.open_supervisor("shop", tr.Child(inner, restart=restart), *kept("a")) as shop:
            await trio.sleep(1.5)

            again = restart == "always"
            assert [("inner", "up" if again else "down"), ("a", "up")] == phases(shop)
            assert [("inner", 2 if again else 1), ("a", 1)] == lives(shop)

    async def test_shim(self):
        """
        TestShim: a service with a function to serve and one to stop is adapted by a few lines.
        """
        log = EventLog()

        class Old:
            stopped = trio.Event()

            async def serve(self) -> None:
                await self.stopped.wait()
                log.note("served")

            async def run(self) -> None:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self.serve)
                    await tr.wait_stopping()
                    self.stopped.set()

        async with tr.open_supervisor("shop", Old()) as shop:
            await trio.sleep(1)

        assert (["served"], 1) == (log.lines, shop.stop_report.count("drained"))

    async def test_ever_multistarted(self):
        """
        TestEverMultistarted: there are never two lives of a child at once, whatever is asked of it.
        """
        now, most = 0, 0

        async def web() -> None:
            nonlocal now, most
            now, most = now + 1, max(most, now + 1)
            try:
                await trio.sleep(0.3)
                raise BOOM
            finally:
                with trio.CancelScope(shield=True):
                    await trio.sleep(0.2)
                now -= 1

        endless = tr.Budget(restarts=float("inf"))
        async with tr.open_supervisor("shop", web, backoff=AT_ONCE, budget=endless) as shop:
            for _ in range(20):
                await trio.sleep(0.1)
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(shop.restart, "web")
                    nursery.start_soon(shop.restart, "web")
                    shop.get("web").cancel("a whim")

        assert 1 == most

    @pytest.mark.parametrize("error", [trio.TooSlowError(), TimeoutError()])
    async def test_issue77(self, error: Exception):
        """
        TestIssue77: a timeout of somebody else that a service lets through is a failure, and so is a foreign cancellation.
        """
        web = Planned(EventLog(), "web", (1, error))
        with trio.CancelScope() as own:
            own.cancel()
            try:
                await trio.lowlevel.checkpoint()
            except trio.Cancelled as exc:
                foreign = exc
        leaks = Planned(EventLog(), "leaks", (1, foreign))
        async with tr.open_supervisor("shop", tr.Child(web), tr.Child(leaks)) as shop:
            await trio.sleep(2)

            assert [("web", 2), ("leaks", 2)] == lives(shop)

    async def test_example_new_simple(self):
        """
        ExampleNew_simple: a service of a few lines.
        """
        counted = []

        async def count() -> None:
            for number in range(5):
                counted.append(number)
                await trio.sleep(1)

        await tr.Supervisor("simple", tr.Child(count, restart="on_failure"), exit_when="all_done").run()

        assert [0, 1, 2, 3, 4] == counted

    async def test_complete_job(self):
        """
        TestCompleteJob: a service that is restarted after one job, and is done after two.
        """
        jobs = [1, 2]

        async def work() -> None:
            await trio.sleep(1)
            jobs.pop()
            if not jobs:
                raise tr.Done

        async with tr.open_supervisor("shop", work) as shop:
            await shop.wait_exit("work")

            assert ([], 2, [("work", 2)]) == (jobs, trio.current_time(), lives(shop))


class TestDefects:
    """
    What suture gets wrong.
    """

    async def test_it_gives_up(self):
        """
        There a service that always fails is restarted for ever, and nobody above hears of it.
        """
        with pytest.raises(tr.GaveUp, match="fails failed once more than the 10 restarts"):
            await tr.Supervisor("shop", fails, backoff=AT_ONCE).run()

        assert 0 == trio.current_time()

    async def test_the_delay_of_one_is_not_that_of_another(self):
        """
        There one service that thrashes pauses all restarts, and each further failure makes the pause longer for everybody.
        """
        log = EventLog()
        async with tr.open_supervisor(
            "shop",
            tr.Child(Planned(log, "bad", *[(0, BOOM)] * 3)),
            tr.Child(Planned(log, "good", (2, BOOM), (1, BOOM))),
            backoff=PATIENT,
        ):
            await trio.sleep(20)

        assert [0, 0, 5, 10] == [when for when, line in log.notes if line == "bad starts"]
        assert [0, 2, 8] == [when for when, line in log.notes if line == "good starts"]

    async def test_one_that_is_added_meanwhile_has_no_part_in_it(self):
        """
        There a service that is added during the pause starts at once, though all others wait; here nobody waits for another.
        """
        async with tr.open_supervisor(
            "shop", tr.Child(Planned(EventLog(), "bad", *[(0, BOOM)] * 3)), backoff=PATIENT
        ) as s:
            await trio.sleep(1)
            await s.start(tr.Child(keep))

            assert (1, [("bad", "down"), ("keep", "up")]) == (trio.current_time(), phases(s))

    async def test_the_report_holds_the_whole_tree(self):
        """
        There the report of what did not stop holds the top level only.
        """
        log = EventLog()
        inner = tr.Supervisor("inner", tr.Child(steady(log, "hung", cleanup=15), name="hung"))
        with tr.use_sinks(log):
            async with tr.open_supervisor("shop", inner) as shop:
                pass

        assert ["shop/inner/hung", "shop/inner"] == [each.path for each in shop.stop_report.walk()]
        assert [15, 15] == [each.seconds for each in shop.stop_report.walk()]
        assert ["shop/inner/hung"] == [event.path for event in log.named("child.stuck") if "hung" in event.path]

    async def test_a_wait_that_was_given_up_leaves_nothing(self):
        """
        There each wait for a removal that is given up leaves a goroutine behind.
        """
        log = EventLog()
        async with tr.open_supervisor("shop", tr.Child(steady(log, "a", cleanup=9), name="a")) as shop:
            with trio.move_on_after(0):
                await shop.remove("a")
            before = trio.lowlevel.current_statistics().tasks_living
            for _ in range(20):
                with trio.move_on_after(0.1):
                    await shop.wait_exit("a")

            assert before == trio.lowlevel.current_statistics().tasks_living

    async def test_it_can_be_run_again(self):
        """
        There a second run panics.
        """
        shop = tr.Supervisor("shop", *kept("a"))
        for _ in range(3):
            async with trio.open_nursery() as nursery:
                await nursery.start(shop.run)
                assert [("a", 1)] == lives(shop)
                shop.request_stop()

    async def test_adding_after_the_end_is_an_error(self):
        """
        There what is added to one that has stopped is dropped without a word, or blocks for ever (suture#41).
        """
        shop = tr.Supervisor("shop")
        for error in (tr.SupervisorNotRunning, tr.SupervisorStopped):
            with pytest.raises(error):
                shop.start_soon(keep)
            async with trio.open_nursery() as nursery:
                await nursery.start(shop.run)
                shop.request_stop()
                with pytest.raises(tr.SupervisorStopping):
                    shop.start_soon(keep)

    async def test_a_sink_that_fails_harms_nobody(self):
        """
        There a hook runs in the loop of the supervisor, and one that panics kills it.
        """
        calls = []

        def hook(event: tr.events.Event) -> None:
            calls.append(event.name)
            raise KeyError(event.name)

        with tr.use_sinks(hook):
            async with tr.open_supervisor("shop", tr.Child(Planned(EventLog(), "web", (1, BOOM)))) as shop:
                await trio.sleep(2)

                assert [("web", 2)] == lives(shop)
        assert calls

    async def test_a_child_has_its_own_rules(self):
        """
        There one policy holds for all services, which are never ready and never depend on each other.
        """
        log = EventLog()
        own = tr.Budget(restarts=0)
        async with tr.open_supervisor(
            "shop",
            tr.Child(steady(log, "db", start=2), name="db"),
            tr.Child(functools.partial(polite(log, "web")), name="web", backoff=PATIENT),
            tr.Child(Planned(log, "bad", (1, BOOM)), budget=own, on_give_up="park"),
            strategy="rest_for_one",
        ) as shop:
            await trio.sleep(2)

            assert [("db", "up"), ("web", "up"), ("bad", "down")] == phases(shop)
        assert [(0, "db starts"), (2, "web starts")] == log.notes[:2]
