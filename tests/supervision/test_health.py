"""
Health: signs of life, probes, and an age at which a child is recycled.
"""

import math

import pytest
import trio

import trio_run as tr
from tests.supervision.scripts import EventLog, polite, steady
from tests.supervision.test_core import ALL, fails, gone, moves, only, up
from tests.supervision.test_rules import core_of, verdicts
from trio_run.supervision._core import Core
from trio_run.supervision._facts import (
    Ask,
    Beat,
    Cancel,
    Ending,
    Extended,
    Hears,
    Judged,
    Ready,
    Scheduled,
    Unwell,
    Verdict,
)
from trio_run.supervision._rules import MaxAge, Rules
from trio_run.supervision._slot import End, Phase

SLEEPS = tr.Backoff(first=0.0)


def late(now: float) -> float:
    """
    The moment of the second look.
    """
    return math.nextafter(now, math.inf)


async def well() -> None:
    """
    A probe that is always content.
    """
    await trio.lowlevel.checkpoint()


class TestConstruction:
    @pytest.mark.parametrize(
        ("make", "text"),
        [
            (lambda: tr.Child(well, beat=0), "ValueError: Child(beat=0) is a number of seconds above 0."),
            (lambda: tr.Child(well, beat="5"), "TypeError: Child(beat=...) takes a number, not '5'."),
            (lambda: tr.Child(well, max_age=0), "ValueError: MaxAge(seconds=0, jitter=0.1) takes seconds above 0"),
            (
                lambda: tr.MaxAge(5, jitter=2),
                "ValueError: MaxAge(seconds=5, jitter=2) takes seconds above 0, and a jitter",
            ),
            (lambda: tr.MaxAge("5"), "TypeError: MaxAge(seconds=...) takes a number, not '5'."),
            (lambda: tr.Child(well, max_age="5"), "TypeError: A child takes a MaxAge for max_age, not '5'."),
            (
                lambda: tr.Child(well, max_age=5, restart="never"),
                "ValueError: A child with restart='never' cannot be recycled: it has one life.",
            ),
            (lambda: tr.Child(well, probe=well), "TypeError: A child takes a Probe for probe, not <function well"),
            (lambda: tr.Probe(print), "TypeError: A probe asks with an async function, not with <built-in"),
            (lambda: tr.Probe(well, failures=1.0), "TypeError: Probe(failures=...) takes a whole number, not 1.0."),
            (
                lambda: tr.Probe(well, every=0),
                "ValueError: Probe(every=0, timeout=1.0, failures=3) all have to be above 0.",
            ),
            (lambda: tr.Probe(well, failures=0), "ValueError: Probe(every=10.0, timeout=1.0, failures=0) all have to"),
            (lambda: tr.Probe(well, timeout=-1), "ValueError: Probe(timeout=-1) has to be at least 0."),
        ],
    )
    def test_what_is_refused(self, make, text):
        """
        Numbers out of range and things of the wrong kind are refused where they are written down.
        """
        with pytest.raises((TypeError, ValueError)) as caught:
            make()

        assert f"{caught.type.__name__}: {caught.value}".startswith(text)

    @pytest.mark.parametrize(("luck", "age"), [(0.0, 100.0), (0.5, 95.0), (1.0, 90.0)])
    def test_jitter_only_shortens(self, luck, age):
        """
        No life is longer than was said.
        """
        assert age == MaxAge(100.0).drawn(luck)


class TestBeat:
    def test_a_child_that_is_silent_for_too_long_is_taken_down_and_has_failed(self):
        """
        It is asked, has its grace, and is restarted by its rules with a clear error.
        """
        core = up(core_of(a=Rules(beat=5.0, grace=3.0)))
        core.take([Hears("a", 1)], 0.0)

        assert 5.0 == core.order.alarm
        assert [] == core.decide(5.0)
        assert [Ask("a", late(5.0) + 3.0, "unhealthy: no beat for 5 s")] == core.decide(late(5.0))
        (cancel,) = core.decide(core.order.alarm)
        assert Cancel("a", pytest.approx(3.0), "unhealthy: no beat for 5 s") == cancel

        actions = gone(core, "a", now=8.0)

        assert [(Verdict.RISES, Ending.UNHEALTHY)] == [(a.verdict, a.fact.ending) for a in only(actions, Judged)]
        assert ["top/a was not well: no beat for 5 s"] == [
            str(a.fact.error).partition(". ")[0] for a in only(actions, Judged)
        ]
        assert [1] == [action.failures for action in only(actions, Scheduled)]

    def test_each_beat_counts_from_then(self):
        """
        A child that beats is left alone, and the core is not woken for it.
        """
        core = up(core_of(a=Rules(beat=5.0)))
        for now in (3.0, 6.0, 9.0):
            core.decide(now)
            core.take([Beat("a", 1)], now)
            assert [] == core.decide(now)

        assert [] == core.decide(core.order.alarm)
        assert 14.0 == core.order.alarm

    def test_a_beat_in_the_last_moment_counts(self):
        """
        A loop that was held up gives the child its turn before the second look.
        """
        core = up(core_of(a=Rules(beat=5.0)))
        assert [] == core.decide(7.0)
        core.take([Beat("a", 1)], 7.0)

        assert [] == core.decide(late(7.0))
        assert 12.0 == core.order.alarm

    def test_readiness_never_kills(self):
        """
        Before a child is ready nobody waits for a beat.
        """
        core = core_of(a=Rules(beat=5.0))
        core.decide(0.0)

        assert [] == core.decide(100.0)
        assert Phase.STARTING is core.slots["a"].phase

    def test_a_beat_of_a_life_that_is_over_is_ignored(self):
        """
        The next life has to beat itself.
        """
        core = up(core_of(a=Rules(beat=5.0)))
        fails(core, "a", now=4.0)
        core.take([Beat("a", 1)], 4.0)
        up(core, 4.0)

        assert 9.0 == core.order.alarm

    def test_the_group_goes_down_after_it(self):
        """
        Under one_for_all an unhealthy child is a culprit like any other.
        """
        core = up(core_of(ALL, a=Rules(), b=Rules(beat=5.0)))
        core.decide(5.0)

        assert ["Cancel b"] == moves(core.decide(late(5.0)))
        assert ["Cancel a"] == moves(gone(core, "b", now=6.0))
        assert ["Start a"] == moves(gone(core, "a", now=6.0))

    @pytest.mark.parametrize("verb", ["stop", "restart"])
    def test_an_order_overtakes_it(self, verb):
        """
        What a person wants of a child that is being taken down for its health costs no budget.
        """
        core = up(core_of(a=Rules(beat=5.0)))
        core.decide(5.0)
        core.decide(late(5.0))
        getattr(core, f"{verb}_child")("a", 6.0, "by hand")

        expected = Verdict.STOPPED if verb == "stop" else Verdict.RISES
        assert [expected] == verdicts(gone(core, "a", now=6.0))
        assert 0 == core.restarts.ledger.spent

    def test_it_is_no_news_when_all_have_to_go(self):
        """
        While the supervisor stops nobody is unhealthy.
        """
        core = up(core_of(a=Rules(beat=5.0), b=Rules()))
        core.stop(End.ASKED, math.inf, "enough")
        core.decide(0.0)
        core.take([Unwell("a", 1, "odd", ValueError())], 1.0)

        assert [] == core.decide(5.0)
        assert ["Cancel a"] == moves(gone(core, "b", now=6.0))
        gone(core, "a", now=6.0)
        assert [] == core.errors

    async def test_at_work(self):
        """
        A loop that hangs is found out; one that beats is not.
        """
        log = EventLog()

        async def web() -> None:
            log.note("web starts")
            for pause in (2, 2, 2, 2, 60):
                tr.beat()
                await trio.sleep(pause)

        with tr.use_sinks(log):
            async with tr.open_supervisor("shop", tr.Child(web, beat=3), backoff=SLEEPS):
                await trio.sleep(15)

        assert [(0, "web starts"), (11, "web starts")] == log.notes
        assert ["shop/web was not well: no beat for 3 s"] == [
            str(event.error).partition(". ")[0] for event in log.named("child.failed")
        ]

    async def test_asked_to_stop_and_silent(self):
        """
        A child that drains has its grace, beat or not, and has not failed.
        """
        log = EventLog()
        with tr.use_sinks(log):
            async with tr.open_supervisor("shop", tr.Child(polite(log, "web", drain=4), name="web", beat=2)):
                await trio.sleep(1)

        assert (5, "web ends") == log.notes[-1]
        assert [] == log.named("child.failed")

    async def test_cancelled_from_outside_while_unhealthy(self):
        """
        A child that is being taken down for its health goes at once.
        """
        log = EventLog()
        with trio.move_on_after(3):
            await tr.Supervisor("shop", tr.Child(polite(log, "web", drain=4), name="web", beat=2)).run()

        assert [(0, "web starts"), (2, "web drains"), (3, "web ends")] == log.notes

    def test_outside_of_a_child_it_does_nothing(self):
        """
        A runner that beats can be run by itself.
        """
        tr.beat()


class TestMaxAge:
    def test_it_is_recycled_without_a_failure(self):
        """
        The new life comes at once; no budget and no row of delays know of it.
        """
        core = up(core_of(restarts=0, a=Rules(max_age=MaxAge(100.0, jitter=0.0))))

        assert 100.0 == core.order.alarm
        assert [Cancel("a", None, "recycled after 100 s")] == core.decide(100.0)

        actions = gone(core, "a", now=101.0)

        assert [Verdict.RISES] == verdicts(actions)
        assert ["Start a"] == moves(actions)
        assert (0, 0) == (core.slots["a"].failures, core.restarts.ledger.spent)
        assert math.inf == core.order.alarm
        up(core, 101.0)
        assert 201.0 == core.order.alarm

    def test_its_siblings_are_left_alone(self):
        """
        Also where they go down with one that fails.
        """
        core = up(core_of(ALL, a=Rules(max_age=MaxAge(100.0, jitter=0.0)), b=Rules()))
        core.decide(100.0)

        assert ["Start a"] == moves(gone(core, "a", now=100.0))
        assert Phase.UP is core.slots["b"].phase

    def test_beat_and_age_share_the_timer(self):
        """
        Whichever is due first.
        """
        core = up(core_of(a=Rules(beat=60.0, max_age=MaxAge(100.0, jitter=0.0))))
        assert 60.0 == core.order.alarm
        core.take([Beat("a", 1)], 59.0)
        core.decide(60.0)

        assert 100.0 == core.order.alarm
        assert ["Cancel a"] == moves(core.decide(100.0))

    async def test_at_work(self):
        """
        A child is drained and comes back, for as long as the supervisor lives.
        """
        log = EventLog()
        with tr.use_sinks(log):
            async with tr.open_supervisor(
                "shop",
                tr.Child(polite(log, "web", drain=1), name="web", max_age=tr.MaxAge(10, jitter=0)),
                budget=tr.Budget(restarts=0),
            ):
                await trio.sleep(25)

        assert [0, 11, 22] == [when for when, line in log.notes if line == "web starts"]
        assert [] == log.named("child.failed")


class TestProbe:
    def shop(self, log: EventLog, *answers: object, **rules: float) -> tr.Supervisor:
        """
        A supervisor whose child is probed with these answers, then with good ones.
        """
        told = iter(answers)

        async def probe(path: str) -> object:
            log.note(f"{path} is probed")
            answer = next(told, None)
            if isinstance(answer, BaseException):
                raise answer
            if answer == "hang":
                await trio.sleep_forever()
            return answer

        return tr.Supervisor(
            "shop",
            tr.Child(steady(log, "web"), name="web", probe=tr.Probe(probe, "web", **rules)),
            backoff=SLEEPS,
        )

    @pytest.mark.parametrize(
        ("answer", "cause"),
        [
            (OSError("down"), "OSError: down"),
            (False, "ValueError: TestProbe.shop.<locals>.probe returned False"),
            ("hang", "TooSlowError: TestProbe.shop.<locals>.probe gave no answer within 1 s"),
            (ExceptionGroup("two", [OSError("a")]), "ExceptionGroup: two (1 sub-exception)"),
        ],
    )
    @pytest.mark.everywhere_allow("it counts on one error", raises=ValueError)
    async def test_so_many_failures_in_a_row_are_one_of_the_child(self, answer, cause):
        """
        The last answer is the cause, and the next life is probed anew.
        """
        log = EventLog()
        shop = self.shop(log, answer, answer, None, answer, answer, answer)
        with tr.use_sinks(log), trio.move_on_after(100):
            await shop.run()

        (failed,) = log.named("child.failed")
        assert "shop/web was not well: 3 probes in a row failed" == str(failed.error).partition(". ")[0]
        assert cause.rpartition(".")[2] in f"{type(failed.error.__cause__).__name__}: {failed.error.__cause__}"
        assert 2 == log.lines.count("web starts")

    async def test_asked_to_stop_ends_the_asking(self):
        """
        A child that goes is not probed, and the probe keeps nobody waiting.
        """
        log = EventLog()
        async with trio.open_nursery() as nursery:
            shop = self.shop(log, "hang", every=1, timeout=50)
            await nursery.start(shop.run)
            await trio.sleep(2)
            shop.request_stop()

        assert [(0, "web starts"), (1, "web is probed"), (2, "web ends")] == log.notes

    async def test_cancelled_from_outside_while_it_asks(self):
        """
        Nothing is left, and nothing is raised.
        """
        log = EventLog()
        with trio.move_on_after(2) as scope:
            await self.shop(log, "hang", every=1, timeout=50).run()

        assert scope.cancelled_caught
        assert (2, "web ends") == log.notes[-1]

    async def test_what_is_fatal_in_a_probe_is_fatal(self):
        """
        A probe cannot swallow an exit.
        """
        log = EventLog()

        with pytest.RaisesGroup(SystemExit):
            await self.shop(log, SystemExit(3), every=1).run()

        assert "web ends" == log.lines[-1]

    async def test_a_child_that_is_not_ready_is_not_probed(self):
        """
        Readiness never kills.
        """
        log = EventLog()

        async def probe() -> bool:
            log.note("probed")
            return False

        child = tr.Child(steady(log, "web", start=30), name="web", probe=tr.Probe(probe, every=1, failures=100))
        with trio.move_on_after(31.5):
            await tr.Supervisor("shop", child).run()

        assert [(0, "web starts"), (31, "probed")] == log.notes[:2]


class TestExtend:
    """
    A child may ask for more time.
    """

    def starting(self) -> Core:
        """
        A core whose one child has 2 seconds to be ready, and 5 to go.
        """
        core = core_of(a=Rules(start_timeout=2.0, grace=5.0))
        core.decide(0.0)
        return core

    def test_a_start_that_is_extended(self):
        """
        It has so long from when it asked, and not from when it began; the error tells how long it had.
        """
        core = self.starting()
        core.take([Extended("a", 1, 3.0)], 1.5)
        assert [] == moves(core.decide(2.0))
        assert ["Cancel a"] == moves(core.decide(4.5))
        (judged,) = only(gone(core, "a", now=4.5), Judged)

        assert "top/a was not ready after 4.5 s" in str(judged.fact.error)

    def test_time_is_not_taken_away(self):
        """
        Who asks for less than it has keeps what it has, starting and stopping.
        """
        core = self.starting()
        core.take([Extended("a", 1, 0.1)], 0.0)
        assert [] == moves(core.decide(1.0))
        core.take([Ready("a", 1), Hears("a", 1)], 1.0)
        core.decide(1.0)
        core.stop(End.ASKED, math.inf, "enough")
        core.decide(1.0)
        core.take([Extended("a", 1, 0.1)], 1.0)

        assert [] == moves(core.decide(5.9))

    def test_a_grace_that_is_extended(self):
        """
        A child that was asked to stop has so long from when it asks for more, and its deadline is told to it.
        """
        core = up(core_of(a=Rules(grace=5.0)))
        core.take([Hears("a", 1)], 0.0)
        core.stop(End.ASKED, math.inf, "enough")
        core.decide(0.0)
        core.take([Extended("a", 1, 9.0)], 4.0)

        assert [Ask("a", 13.0, "enough", again=True)] == core.decide(4.0)
        assert [] == core.decide(5.0)
        assert [Cancel("a", 13.0, "enough")] == core.decide(13.0)

    def test_no_extension_goes_beyond_the_limit(self):
        """
        What the supervisor has is all that there is.
        """
        core = up(core_of(a=Rules(grace=5.0)))
        core.take([Hears("a", 1)], 0.0)
        core.stop(End.ASKED, 6.0, "enough")
        core.decide(0.0)
        core.take([Extended("a", 1, 60.0)], 4.0)

        assert [Ask("a", 6.0, "enough", again=True)] == core.decide(4.0)
        assert ["Cancel a"] == moves(core.decide(6.0))

    def test_who_is_up_or_cancelled_gets_nothing(self):
        """
        Nobody waits for a child that is up, and one that was cancelled had its time.
        """
        core = up(core_of(a=Rules(start_timeout=2.0)))
        core.take([Extended("a", 1, 3.0)], 0.0)
        assert [] == core.decide(9.0)
        core.stop(End.ASKED, math.inf, "enough")
        core.decide(9.0)
        core.take([Extended("a", 1, 3.0)], 9.0)

        assert [] == core.decide(9.0)

    def test_a_child_without_a_start_timeout_starts_without_one(self):
        """
        To ask for time sets no limit where there was none.
        """
        core = core_of(a=Rules())
        core.decide(0.0)
        core.take([Extended("a", 1, 3.0)], 0.0)

        assert [] == core.decide(1e9)

    async def test_from_inside(self):
        """
        A child that makes headway starts and drains for longer than it was given, and the child of a child too.
        """

        async def works(*, task_status: trio.TaskStatus[None]) -> None:
            for _ in range(3):
                tr.extend(2)
                await trio.sleep(1.5)
            task_status.started()
            await tr.wait_stopping()
            for _ in range(3):
                tr.extend(2)
                await trio.sleep(1.5)
            log.note("drained")

        log = EventLog()
        child = tr.Child(works, name="works", start_timeout=2, grace=2)
        with tr.use_sinks(log):
            async with tr.open_supervisor("shop", tr.Supervisor("inner", child)) as shop:
                assert 4.5 == trio.current_time()
                shop.request_stop()

        assert 9.0 == trio.current_time()
        assert ["drained"] == log.lines
        assert [] == log.named("child.overdue")
        assert 1 == len(log.named("child.stopping", "shop/inner/works"))

    def test_outside_of_a_child(self):
        """
        There it does nothing.
        """
        tr.extend(1)

    @pytest.mark.parametrize("seconds", [0, -1, math.inf, math.nan, "3", True])
    def test_no_time(self, seconds):
        """
        What is no number of seconds is refused.
        """
        with pytest.raises((TypeError, ValueError), match="extend"):
            tr.extend(seconds)
