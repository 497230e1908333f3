"""
What users of other supervisors have reported, each as a test of what happens here instead.

Each docstring begins with the report.
"""

import inspect
import itertools
import math

import pytest
import trio

import trio_run as tr
from tests.conformance.children import AT_ONCE, BOOM, PATIENT, fails, ignores, kept, lives, phases, refuses
from tests.supervision.scripts import EventLog, Planned, polite, steady


async def test_delays_are_the_default():
    """
    erlang/otp#1287: restarts without a delay spend a budget in microseconds; here delays are the default.
    """
    with pytest.raises(tr.GaveUp):
        await tr.Supervisor("shop", fails).run()

    assert 15 < trio.current_time()


async def test_a_restart_waits_for_the_cleanup():
    """
    erlang-patches 2012-01: a delay hides resources that were not given back; here a life begins when the last one has ended.
    """
    log = EventLog()

    async def web() -> None:
        log.note("starts")
        try:
            await trio.sleep(1 if len(log.lines) == 1 else math.inf)
            raise BOOM
        finally:
            with trio.CancelScope(shield=True):
                await trio.sleep(2)
            log.note("ends")

    with trio.move_on_after(4):
        await tr.Supervisor("shop", web, backoff=AT_ONCE).run()

    assert [(0, "starts"), (3, "ends"), (3, "starts"), (6, "ends")] == log.notes


async def test_one_bad_child_is_lost_alone():
    """
    zoedsoupe/anubis-mcp#239, erlang-ls#1316: one child that fails again and again takes its healthy siblings along; here it
    may be parked.
    """
    log = EventLog()
    with tr.use_sinks(log):
        async with tr.open_supervisor("shop", *kept("a"), backoff=AT_ONCE) as shop:
            for number in range(20):
                bad = tr.Child(fails, name=str(number), budget=tr.Budget(restarts=0), on_give_up="park")
                shop.start_soon(bad)
            await trio.sleep(1)

            assert ("a", "up") == phases(shop)[0]
    assert 20 == len(log.named("child.parked"))


def test_a_budget_that_means_nothing_is_refused():
    """
    erlang/otp#1289, vjt/grappa-irc#2005: budgets are set without a thought; here one that can never be spent is refused.
    """
    with pytest.raises(ValueError, match="can never be spent: 10 restarts take at least"):
        tr.Supervisor("shop", backoff=tr.Backoff(first=30))


@pytest.mark.parametrize("restart", ["always", "on_failure"])
async def test_giving_up_is_never_silent(restart: str):
    """
    inaka/worker_pool#35, elixir#5550, gen_stage#131: a transient supervisor that gives up vanishes without a word; here that
    is a failure like any other.
    """
    log = EventLog()
    inner = tr.Supervisor("inner", tr.Child(Planned(log, "web", (1, BOOM))), budget=tr.Budget(restarts=0))
    with tr.use_sinks(log):
        async with tr.open_supervisor("shop", tr.Child(inner, restart=restart)) as shop:
            await trio.sleep(2)

            assert [("inner", "up")] == phases(shop)
    assert [tr.GaveUp] == [type(event.error) for event in log.named("child.failed", "shop/inner")]


async def test_a_slow_child_delays_no_other():
    """
    erlang/otp#8361: a child that starts or stops slowly blocks its supervisor; here the others are served meanwhile.
    """
    log = EventLog()
    web = Planned(log, "web", (1, BOOM), (1, BOOM))
    async with tr.open_supervisor(
        "shop", tr.Child(steady(log, "slow", cleanup=50), name="slow"), tr.Child(web), backoff=AT_ONCE
    ) as shop:
        shop.start_soon(tr.Child(steady(log, "starts", start=50), name="starts"))
        with trio.move_on_after(0.5):
            await shop.stop("slow")
        await trio.sleep(3)

        assert [("slow", "killing"), ("web", "up"), ("starts", "starting")] == phases(shop)
        assert 3 == web.lives


async def test_delays_do_not_outrun_the_window():
    """
    erlang/otp#1287, okeuday: when a restart takes longer than the window forgives, a supervisor restarts for ever; here a
    row of failed starts is bounded by its delays, which a window has to hold.
    """
    with pytest.raises(ValueError, match="can never be spent"):
        tr.Supervisor("shop", budget=tr.Budget(restarts=5, per=1), backoff=tr.Backoff(first=1, jitter=0))
    with pytest.raises(tr.GaveUp):
        await tr.Supervisor(
            "shop", fails, budget=tr.Budget(restarts=5, per=60), backoff=tr.Backoff(first=1, jitter=0)
        ).run()


async def test_who_takes_long_to_fail_is_found_out():
    """
    erlang/otp#1287, okeuday: crashes that are further apart than the window is long are forgiven for ever; here a budget may
    count those in a row, too.
    """
    web = tr.Child(Planned(EventLog(), "web", *[(60, BOOM)] * 9))
    backoff = tr.Backoff(first=0, max=0, stable_after=100)
    with pytest.raises(tr.GaveUp) as caught:
        await tr.Supervisor("shop", web, budget=tr.Budget(restarts=1, per=5, in_a_row=3), backoff=backoff).run()

    assert (240, 3, None) == (trio.current_time(), caught.value.in_a_row, caught.value.restarts)


async def test_hung_is_not_well():
    """
    systemd WatchdogSec, Kubernetes probes: no supervisor of OTP's kind notices that a child hangs; here it may have to beat.
    """
    log = EventLog()
    async with tr.open_supervisor("shop", tr.Child(polite(log, "web"), name="web", beat=5)):
        await trio.sleep(7)

    assert [(0, "web starts"), (5, "web starts")] == [note for note in log.notes if "starts" in note[1]]


async def test_what_is_done_is_done():
    """
    supervisor_SUITE tree, hanging_restart_loop_rest_for_one: what completed or was stopped runs again with its group, or what
    comes after it stays down for ever; here each is kept as it is wanted.
    """
    migrate, web = Planned(EventLog(), "migrate", (0, "done")), Planned(EventLog(), "web", (1, BOOM))
    async with tr.open_supervisor(
        "shop", tr.Child(migrate, restart="on_failure"), *kept("a"), tr.Child(web), strategy="one_for_all"
    ) as shop:
        await shop.stop("a")
        await trio.sleep(2)

        assert [("migrate", 1), ("a", 1), ("web", 2)] == lives(shop)


async def test_nothing_is_orphaned():
    """
    erlang/otp#3670, #5201, #8780: a supervisor that is killed at the wrong moment leaves orphans; here none can be left.
    """
    log = EventLog()
    for seconds in (0, 0.5, 1, 1.5):
        inner = tr.Supervisor("inner", tr.Child(steady(log, "a", start=1, cleanup=1), name="a"))
        with trio.move_on_after(seconds):
            await tr.Supervisor("shop", inner).run()

    assert log.lines.count("a starts") == log.lines.count("a ends")


@pytest.mark.parametrize("odd", [ignores, refuses, "returns", "leaks"])
async def test_no_way_to_end_confuses_it(odd: object):
    """
    atomvm#1957, erlang/otp#636, erlang/otp#8230: a start that comes to something odd breaks the supervisor; here all go
    through one function.
    """

    async def leaks(*, task_status: trio.TaskStatus[None]) -> None:
        del task_status
        with trio.CancelScope() as scope:
            scope.cancel()
            try:
                await trio.lowlevel.checkpoint()
            except trio.Cancelled as exc:
                stored = exc
        raise stored

    async def returns(*, task_status: trio.TaskStatus[None]) -> None:
        del task_status

    runner = {"returns": returns, "leaks": leaks}.get(odd, odd) if isinstance(odd, str) else odd
    async with tr.open_supervisor("shop", *kept("a"), budget=tr.Budget(restarts=9), backoff=PATIENT) as shop:
        shop.start_soon(tr.Child(runner, name="odd"))
        await trio.sleep(1)
        await shop.remove("odd")

        assert [("a", "up")] == phases(shop)


async def test_a_report_says_what_is_left():
    """
    OTP's reports: there is no count, no delay and nothing of what is left of the budget in them; here there is.
    """
    log = EventLog()
    with tr.use_sinks(log):
        async with tr.open_supervisor("shop", tr.Child(Planned(log, "web", (0, BOOM), (0, BOOM))), backoff=PATIENT):
            await trio.sleep(9)

    assert [(0, 1, 1, 10), (5, 2, 2, 10)] == [
        (event.delay, event.failures, event.spent, event.restarts) for event in log.named("child.restart_scheduled")
    ]


async def test_a_stop_says_what_it_came_to():
    """
    suture#34, suture#37, suture#58: timeouts are reported that were none, and whether a stop worked is not to be known; here
    there is a report, and it is true.
    """
    log = EventLog()
    async with tr.open_supervisor(
        "shop", tr.Child(polite(log, "a", drain=1), name="a"), tr.Child(polite(log, "b", drain=9), name="b", grace=2)
    ) as shop:
        await trio.sleep(1)

    assert ["shop/b#1 cancelled in 2 s", "shop/a#1 drained in 1 s"] == list(map(str, shop.stop_report.children))


async def test_a_supervisor_that_gave_up_is_over():
    """
    akka-core#20597, akka.net#4601: with a backoff the limit is not obeyed, and who gave up lives on without a use; here all is
    stopped, and that is raised.
    """
    log = EventLog()
    with pytest.raises(tr.GaveUp) as caught:
        await tr.Supervisor(
            "shop",
            tr.Child(steady(log, "a"), name="a"),
            fails,
            budget=tr.Budget(restarts=2),
            backoff=tr.Backoff(first=1, jitter=0),
        ).run()

    assert (3, "a ends") == (len(caught.value.history), log.lines[-1])


async def test_a_failure_a_year_is_forgiven():
    """
    akka-core#24129: a counter that is never reset stops an actor after one failure a year; here a stable life starts anew.
    """
    year = 365 * 86400.0
    web = Planned(EventLog(), "web", *[(year, BOOM)] * 5)
    async with tr.open_supervisor("shop", tr.Child(web), budget=tr.Budget(restarts=1)) as shop:
        await trio.sleep(5.5 * year)

        assert [("web", 6)] == lives(shop)
        assert 1 == shop.statistics()[0].failures


@pytest.mark.parametrize(("pauses", "forgiven"), [([0, 9, 2], False), ([0, 9, 11], True)])
async def test_the_window_slides(pauses: list[float], forgiven: bool):
    """
    Akka's retriesInWindowOkay: a window that starts anew lets twice as many through at its edge; here it slides.
    """
    web = Planned(EventLog(), "web", *[(pause, BOOM) for pause in pauses])
    shop = tr.Supervisor("shop", tr.Child(web), budget=tr.Budget(restarts=2, per=11), backoff=AT_ONCE)
    with trio.move_on_after(60) as scope:
        if forgiven:
            await shop.run()
        else:
            with pytest.raises(tr.GaveUp):
                await shop.run()

    assert forgiven == scope.cancelled_caught


@pytest.mark.parametrize(("code", "expected"), [(1, [("web", "up")]), (2, [("web", "down")])])
async def test_what_an_error_means_is_told_by_the_child(code: int, expected: list[tuple[str, str]]):
    """
    kubernetes#57291: one delay curve and one rule for all exits, for nine years; here both belong to the child, and so does
    what an error means.
    """

    def meaning(error: Exception) -> str:
        return "stop" if error.args == (2,) else "restart"

    web = Planned(EventLog(), "web", (1, OSError(code)))
    backoff = tr.Backoff(first=1, max=60)
    child = tr.Child(web, classify=meaning, backoff=backoff)
    async with tr.open_supervisor("shop", child, budget=tr.Budget(restarts=5)) as shop:
        await trio.sleep(2)

        assert expected == phases(shop)


async def test_a_person_may_always_start_it():
    """
    systemd#6129, #10529: what has failed too often cannot be started by hand either; here it can, with a clean slate.
    """
    web = Planned(EventLog(), "web", (1, BOOM), (1, BOOM))
    own = tr.Budget(restarts=1)
    async with tr.open_supervisor("shop", tr.Child(web, budget=own, on_give_up="park")) as shop:
        await trio.sleep(5)
        assert [("web", "down")] == phases(shop)
        await shop.restart("web")

        assert [("web", "up", 0)] == [(each.name, each.phase, each.failures) for each in shop.statistics()]


async def test_cancelled_in_order():
    """
    python-trio/trio#147, #143: a nursery that is cancelled ends all at once; here they end one after another.
    """
    log = EventLog()
    with trio.move_on_after(1):
        await tr.Supervisor("shop", *(tr.Child(steady(log, n, cleanup=1), name=n) for n in "abc")).run()

    assert [(2, "c ends"), (3, "b ends"), (4, "a ends")] == log.notes[3:]


class TestBugsOfOthers:
    """
    What was found in the code of others.
    """

    def test_an_exponential_is_one(self):
        """
        bastion ExponentialBackOff, Proto.Actor exponentialBackoffStrategy: they grow by a constant; here each delay is so many
        times the one before.
        """
        backoff = tr.Backoff(first=1, factor=3, max=1000, jitter=0)

        assert [0, 1, 3, 9, 27, 81] == [backoff.delay(failures, 0.0) for failures in range(1, 7)]

    def test_jitter_never_exceeds_the_bound(self):
        """
        Akka RetrySupport, Proto.Actor: jitter goes beyond the longest delay, or is one of nanoseconds; here it only shortens,
        by as much as was said.
        """
        backoff = tr.Backoff(first=1, factor=2, max=4, jitter=0.5)

        assert (4, 2) == (backoff.delay(9, 0.0), backoff.delay(9, 1.0))

    async def test_what_was_stopped_stays_so(self):
        """
        akhercha/task-supervisor KillTask: a task that was killed while it waited for its restart comes back; here it does not.
        """
        async with tr.open_supervisor(
            "shop", tr.Child(Planned(EventLog(), "web", (0, BOOM), (0, BOOM))), backoff=PATIENT
        ) as s:
            await trio.sleep(1)
            await s.stop("web")
            await trio.sleep(99)

            assert [("web", 2)] == lives(s)

    async def test_failed_starts_are_delayed_and_counted(self):
        """
        circus spawn_process, circus flapping: failed starts are tried again without a delay, and others are not counted; here
        both are the same to a budget and a backoff.
        """
        log = EventLog()
        web = Planned(log, "web", (1, BOOM), (0, BOOM), (0, BOOM), early=frozenset({2, 3}))
        async with tr.open_supervisor(
            "shop", tr.Child(web), backoff=tr.Backoff(first=1, factor=2, jitter=0), budget=tr.Budget(restarts=5)
        ):
            await trio.sleep(9)

        assert [0, 1, 2, 4] == [when for when, line in log.notes if line == "web starts"]

    async def test_who_lives_a_little_is_not_stable(self):
        """
        supervisord EXITED to spawn: what lives a bit longer than a second restarts at once for ever; here its row goes on.
        """
        log = EventLog()
        web = Planned(log, "web", *[(1.1, BOOM)] * 9)
        with trio.move_on_after(60), pytest.raises(tr.GaveUp):
            await tr.Supervisor(
                "shop", tr.Child(web), backoff=tr.Backoff(first=1, jitter=0), budget=tr.Budget(restarts=3)
            ).run()

        starts = [when for when, line in log.notes if line == "web starts"]
        assert [0, 1, 2] == [round(b - a - 1.1) for a, b in itertools.pairwise(starts)]

    async def test_children_keep_their_order(self):
        """
        slawlor/ractor, task-supervisor: children are in a hash map and start and stop in no order; here as listed.
        """
        names = ["m", "a", "z", "k"]
        log = EventLog()
        async with tr.open_supervisor("shop", *(tr.Child(steady(log, n), name=n) for n in names)):
            pass

        assert [f"{n} starts" for n in names] + [f"{n} ends" for n in reversed(names)] == log.lines

    def test_never_stopping_is_said(self):
        """
        monogon supervisor: a backoff that was to go on for ever ended after 15 minutes; here it ends with the budget only.
        """
        backoff = tr.Backoff()

        assert 30.0 == backoff.delay(10**6, 0.0)
        assert math.inf == tr.Budget(restarts=math.inf).restarts
        assert "math.inf" in inspect.getdoc(tr.Budget)
