"""
What can be seen of a supervisor, and waited for.
"""

import json

import pytest
import trio

import trio_run as tr
from tests.supervision.scripts import EventLog, Planned, polite, steady
from trio_run.supervision._shell import Shell

pytestmark = pytest.mark.everywhere_allow(
    "children fail on purpose", raises=(OSError, ZeroDivisionError, tr.SupervisorStopping)
)

BOOM = OSError("boom")


def throw(error: Exception) -> None:
    """
    Raise *error*.
    """
    raise error


class TestWaitReady:
    async def test_one_that_is_ready(self):
        """
        The wait is over at once, and the handle has what a child of the start gave to started().
        """

        async def serve(*, task_status: trio.TaskStatus[int]) -> None:
            task_status.started(8080)
            await trio.sleep_forever()

        async with tr.open_supervisor("shop", tr.Child(serve, name="web")) as shop:
            handle = await shop.wait_ready("web")

            assert (8080, tr.State.RUNNING) == (handle.ready_value, handle.state)
            assert handle is shop.get("web")

    async def test_across_restarts(self):
        """
        A life that fails before it is ready does not end the wait.
        """
        log = EventLog()
        web = Planned(log, "web", (1, BOOM), (2, BOOM), early=frozenset({1, 2}))
        async with tr.open_supervisor("shop") as shop:
            shop.start_soon(tr.Child(web))
            await shop.wait_ready("web")

            assert 3 == web.lives

    async def test_one_that_is_stopped_meanwhile(self):
        """
        Who waits for a child that somebody stops is told, and does not wait for ever.
        """
        log = EventLog()
        async with tr.open_supervisor("shop") as shop, trio.open_nursery() as nursery:
            shop.start_soon(tr.Child(steady(log, "web", start=9), name="web"))

            async def wait() -> None:
                with pytest.raises(tr.StartFailed, match="shop/web is down, and nothing is to start it"):
                    await shop.wait_ready("web")

            nursery.start_soon(wait)
            await trio.sleep(1)
            await shop.stop("web")

    @pytest.mark.parametrize("verb", ["stop", "remove"])
    async def test_one_in_backoff_that_is_taken_down(self, verb: str):
        """
        There is no life to end, and yet who waits is told.
        """
        log = EventLog()
        web = Planned(log, "web", (0, BOOM), (0, BOOM), early=frozenset({1, 2}))
        async with tr.open_supervisor(
            "shop", budget=tr.Budget(restarts=3), backoff=tr.Backoff(first=9, max=9, jitter=0)
        ) as shop:
            shop.start_soon(tr.Child(web))
            async with trio.open_nursery() as nursery:

                async def wait() -> None:
                    with pytest.raises(tr.StartFailed) as caught:
                        await shop.wait_ready("web")
                    assert BOOM is caught.value.__cause__

                nursery.start_soon(wait)
                await trio.sleep(1)
                await getattr(shop, verb)("web")

    async def test_when_the_supervisor_stops(self):
        """
        A stop that comes first is what the wait ends with.
        """
        log = EventLog()
        async with tr.open_supervisor("shop") as shop, trio.open_nursery() as nursery:
            shop.start_soon(tr.Child(steady(log, "web", start=9), name="web"))

            async def wait() -> None:
                with pytest.raises(tr.SupervisorStopping):
                    await shop.wait_ready("web")

            nursery.start_soon(wait)
            await trio.sleep(1)
            shop.request_stop()

    async def test_one_that_is_done(self):
        """
        A child that has finished will not be ready again by itself.
        """
        async with tr.open_supervisor("shop", tr.Child(Planned(EventLog(), "a", (0, 1)), restart="on_failure")) as shop:
            await trio.sleep(1)
            with pytest.raises(tr.StartFailed) as caught:
                await shop.wait_ready("a")

            assert isinstance(caught.value.__cause__, tr.ChildDown)


class TestWaitExit:
    @pytest.mark.no_fault_everywhere("each life is to end in its own way")
    async def test_across_restarts(self):
        """
        A life that is followed by another does not end the wait; the last one does.
        """
        log = EventLog()
        web = Planned(log, "web", (1, BOOM), (1, "done"))
        async with tr.open_supervisor("shop", tr.Child(web, restart="on_failure")) as shop:
            left = await shop.wait_exit("web")

            assert (2, "ended", None) == (left.life, left.how, left.error)
            assert 2 == trio.current_time()

    async def test_one_that_runs_once(self):
        """
        What is forgotten when it ends is told of all the same.
        """

        async def fails() -> None:
            await trio.sleep(1)
            raise BOOM

        with tr.use_sinks(EventLog()):
            async with tr.open_supervisor("shop") as shop:
                shop.start_soon(fails)

                assert "shop/fails#1 ended, OSError: boom" == str(await shop.wait_exit("fails"))

    async def test_one_that_is_stopped(self):
        """
        The exit says how the stop went.
        """
        log = EventLog()
        async with tr.open_supervisor("shop", tr.Child(polite(log, "web", drain=2), name="web")) as shop:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(shop.stop, "web")
                left = await shop.wait_exit("web")

            assert ("drained", 2) == (left.how, left.seconds)

            again = await shop.wait_exit("web")

            assert left == again

    async def test_when_the_supervisor_stops(self):
        """
        A child that goes with its supervisor is down for good.
        """
        log = EventLog()
        shop = tr.Supervisor("shop", tr.Child(steady(log, "db", cleanup=2), name="db"))
        async with trio.open_nursery() as nursery:
            await nursery.start(shop.run)
            shop.request_stop()
            left = await shop.wait_exit("db")

            assert ("cancelled", 2) == (left.how, left.seconds)

    async def test_one_that_never_lived(self):
        """
        A child that was stopped before its first life has no life to tell of.
        """
        log = EventLog()
        shop = tr.Supervisor(
            "shop", tr.Child(steady(log, "db", start=5), name="db"), tr.Child(steady(log, "web"), name="web")
        )
        async with trio.open_nursery() as nursery:
            nursery.start_soon(shop.run)
            await trio.sleep(1)

            assert ("ended", 0) == ((left := await shop.stop("web")).how, left.life)
            assert "shop/web ended" == str(left)

            shop.request_stop()


class TestStopReport:
    async def test_says_how_each_child_ended(self):
        """
        One was down before, one drained, one had to be cancelled, one failed before its turn came.
        """
        log = EventLog()

        async def fails_late() -> None:
            await trio.sleep(3)
            raise BOOM

        shop = tr.Supervisor(
            "shop",
            tr.Child(Planned(log, "done", (0, 1)), restart="on_failure"),
            tr.Child(fails_late, name="late"),
            tr.Child(polite(log, "api", drain=1), name="api"),
            tr.Child(polite(log, "web", drain=9), name="web", grace=4),
        )

        with pytest.RaisesGroup(OSError, flatten_subgroups=True):
            async with trio.open_nursery() as nursery:
                await nursery.start(shop.run)
                shop.request_stop("a new version")
                report = await shop.wait_stopped()

        assert [
            ("shop/done", "ended", 0),
            ("shop/late", "ended", 0),
            ("shop/web", "cancelled", 4),
            ("shop/api", "drained", 1),
        ] == [(each.path, each.how, each.seconds) for each in report.children]
        assert ("a new version", 5, BOOM) == (report.reason, report.seconds, report.children[1].error)
        assert report is shop.stop_report
        assert [1, 1, 2] == [report.count(how) for how in ("drained", "cancelled", "ended")]

    async def test_holds_the_whole_tree(self):
        """
        The report of a supervisor below is part of that of the one above, whatever became of it.
        """
        log = EventLog()
        inner = tr.Supervisor("inner", tr.Child(polite(log, "a", drain=2), name="a"))
        outer = tr.Supervisor("outer", inner, tr.Child(steady(log, "b"), name="b"), grace=3)
        with tr.use_sinks(log):
            async with trio.open_nursery() as nursery:
                await nursery.start(outer.run)
                outer.request_stop("enough")
                report = await outer.wait_stopped()

        assert (
            "outer stopped in 2 s: enough\n"
            "  outer/b#1 cancelled in 0 s\n"
            "  outer/inner/a#1 drained in 2 s\n"
            "  outer/inner#1 drained in 2 s"
        ) == str(report)
        (told,) = log.named("supervisor.stopped", "outer")
        assert (2, 1, 1, 0) == (told.seconds, told.drained, told.cancelled, told.ended)

    async def test_one_deadline_for_the_whole_tree(self):
        """
        However deep a child is and however long its own grace, all are gone at the moment that the root was given.
        """
        log = EventLog()
        deep = tr.Supervisor("deep", *(tr.Child(polite(log, name, drain=99), name=name, grace=50) for name in "ab"))
        tree = tr.Supervisor(
            "outer", tr.Supervisor("inner", deep, tr.Child(polite(log, "c", drain=99), name="c", grace=50))
        )
        async with trio.open_nursery() as nursery:
            root = tr.Supervisor("root", tree, tr.Child(polite(log, "d", drain=1), name="d"), grace=6)
            await nursery.start(root.run)
            root.request_stop()
            report = await root.wait_stopped()

        assert 6 == report.seconds
        assert [("d", 1), ("c", 5), ("b", 0), ("a", 0), ("deep", 0), ("inner", 5), ("outer", 5)] == [
            (each.path.rpartition("/")[2], each.seconds) for each in report.walk()
        ]

    async def test_a_run_returns_it(self):
        """
        Who runs a supervisor gets the report, and so does the handle of one below.
        """
        async with tr.open_supervisor("outer") as outer:
            inner = tr.Supervisor("inner", tr.Child(trio.sleep_forever, name="a"))
            handle = await outer.start(tr.Child(inner, restart="on_failure"))
            inner.request_stop()
            report = await handle.wait()

            assert ["outer/inner/a"] == [each.path for each in report.children]

    async def test_after_a_cancellation_from_outside(self):
        """
        The report is there too when nobody asked.
        """
        log = EventLog()
        with trio.move_on_after(1):
            async with tr.open_supervisor("shop", tr.Child(polite(log, "db", drain=5), name="db")) as shop:
                await trio.sleep_forever()

        report = shop.stop_report
        assert report is not None
        assert ("cancelled from outside", "cancelled") == (report.reason, report.children[0].how)

    async def test_after_giving_up(self):
        """
        The child that broke the budget ended by itself; the others were stopped.
        """
        log = EventLog()
        shop = tr.Supervisor(
            "shop",
            tr.Child(polite(log, "db"), name="db"),
            tr.Child(Planned(log, "web", (1, BOOM))),
            budget=tr.Budget(restarts=0),
        )
        with pytest.raises(tr.GaveUp):
            await shop.run()

        report = shop.stop_report
        assert report is not None
        assert [("shop/web", "ended"), ("shop/db", "drained")] == [(each.path, each.how) for each in report.children]

    async def test_a_run_that_broke_down_leaves_none(self, monkeypatch: pytest.MonkeyPatch):
        """
        After a bug in the control loop who waits is told, for whatever they wait.
        """
        log, errors = EventLog(), []

        def broken(shell: Shell, *_args: object) -> None:
            raise ZeroDivisionError

        async def note(call, *args) -> None:
            with pytest.raises(tr.SupervisorStopped) as caught:
                await call(*args)
            errors.append(caught.value)

        shop = tr.Supervisor("shop", tr.Child(steady(log, "db", cleanup=1), name="db"))
        with pytest.RaisesGroup(ZeroDivisionError, flatten_subgroups=True):
            async with trio.open_nursery() as outer:
                await outer.start(shop.run)
                async with trio.open_nursery() as nursery:
                    with trio.CancelScope(shield=True):
                        nursery.start_soon(note, shop.wait_exit, "db")
                        nursery.start_soon(note, shop.wait_stopped)
                        await trio.testing.wait_all_tasks_blocked()
                        monkeypatch.setattr(Shell, "_perform", broken)
                        nursery.cancel_scope.shield = True
                        with pytest.raises(tr.SupervisorStopped):
                            await shop.stop("db")

        assert 2 == len(errors)


class TestSnapshot:
    async def test_the_whole_tree(self):
        """
        Supervisors below are in it, whether they are children or were opened by one, and all of it goes into JSON.
        """
        log = EventLog()

        async def hosts() -> None:
            async with tr.open_supervisor("files", tr.Child(trio.sleep_forever, name="file")):
                await trio.sleep_forever()

        web = Planned(log, "web", (1, BOOM), (1, BOOM))
        shop = tr.Supervisor(
            "shop",
            tr.Supervisor("inner", hosts),
            tr.Child(web, restart="on_failure"),
            budget=tr.Budget(restarts=3, per=60),
            backoff=tr.Backoff(first=9, max=9, jitter=0),
        )
        async with trio.open_nursery() as nursery:
            await nursery.start(shop.run)
            await trio.sleep(4)
            before = shop.snapshot()
            shop.request_stop("enough")
            await shop.wait_stopped()

        inner, down = before.children
        assert ("shop", "up", 2, None) == (before.path, before.phase, before.spent, before.reason)
        assert ("down", True, 2, 2, 7, None) == (
            down.phase,
            down.wanted,
            down.life,
            down.failures,
            down.starts_in,
            down.seconds,
        )
        assert ("OSError: boom", "failed", "on_failure") == (down.last_error, down.outcome, down.restart)
        hosting = inner.supervisors[0].children[0]
        assert ("shop/inner/hosts", "up", 4) == (hosting.path, hosting.phase, hosting.seconds)
        assert "shop/inner/hosts/files/file" == hosting.supervisors[0].children[0].path
        assert before.as_dict() == json.loads(json.dumps(before.as_dict()))

        after = shop.snapshot()

        assert ("stopped", "enough", ()) == (after.phase, after.reason, after.children[0].supervisors)
        assert ["down", "down"] == [child.phase for child in after.children]
        assert ["stopped", "failed"] == [child.outcome for child in after.children]

    async def test_of_how_lives_ended(self):
        """
        What became of the last life is said while there is another, too.
        """
        ends = {
            "returns": lambda: None,
            "done": lambda: throw(tr.Done()),
            "passes": lambda: throw(tr.Ignore()),
            "again": lambda: throw(tr.RestartAfter(9)),
            "fails": lambda: throw(ValueError()),
        }

        def runner(end):
            async def run() -> None:
                await trio.lowlevel.checkpoint()
                end()

            return run

        children = [tr.Child(runner(end), name=name, restart="on_failure") for name, end in ends.items()]
        async with tr.open_supervisor("shop", *children, tr.Child(trio.sleep_forever, name="stays")) as shop:
            (await shop.start(tr.Child(trio.sleep_forever, name="leaves"))).cancel("enough")
            await trio.sleep(0.01)
            outcomes = {child.name: child.outcome for child in shop.snapshot().children}

        assert {
            "returns": "finished",
            "done": "finished",
            "passes": "finished",
            "again": "finished",
            "fails": "failed",
            "stays": None,
            "leaves": "cancelled",
        } == outcomes

    async def test_of_every_phase(self):
        """
        A supervisor says in one word how far it is, before its run and after it too.
        """
        log = EventLog()
        shop = tr.Supervisor(
            "shop",
            tr.Supervisor("inner", tr.Child(steady(log, "db", start=2, cleanup=2), name="db")),
            tr.Child(Planned(log, "web", (1, BOOM))),
            budget=tr.Budget(restarts=0),
        )
        seen = [shop.snapshot().phase]

        assert "shop/inner/db" == shop.snapshot().children[0].supervisors[0].children[0].path

        with pytest.RaisesGroup(OSError, flatten_subgroups=True):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(shop.run)
                for _ in range(4):
                    await trio.sleep(0.9)
                    seen.append(shop.snapshot().phase)
        seen.append(shop.snapshot().phase)

        assert ["not running", "starting", "starting", "up", "stopping", "failed"] == seen

    async def test_to_look_changes_nothing(self):
        """
        Asked twice in one moment, it is told the same twice, and nothing happens.
        """
        log = EventLog()
        web = Planned(log, "web", (1, BOOM), (1, BOOM))
        with tr.use_sinks(log):
            async with tr.open_supervisor("shop", steady(log, "db"), web) as shop:
                await trio.sleep(3)
                before = len(log.entries)

                assert shop.snapshot() == shop.snapshot()
                await trio.testing.wait_all_tasks_blocked()
                assert before == len(log.entries)

    @pytest.mark.no_cancel_everywhere("it asks from a thread, which goes on when the test is cancelled")
    async def test_not_from_another_thread(self):
        """
        While it runs a picture can only be taken where nothing moves meanwhile.
        """
        shop = tr.Supervisor("shop")
        async with trio.open_nursery() as nursery:
            await nursery.start(shop.run)
            with pytest.raises(RuntimeError, match=r"shop runs in another thread\. Ask it through its from_thread"):
                await trio.to_thread.run_sync(shop.snapshot)
            shop.request_stop()

        assert "stopped" == (await trio.to_thread.run_sync(shop.snapshot)).phase
