"""
The kit for users' tests: scripted children, a log that can be waited on, and schedules for hypothesis.
"""

import math
import random

import pytest
import trio
from hypothesis import HealthCheck, find, given, settings
from hypothesis import strategies as st
from trio.lowlevel import checkpoint

import trio_run as tr
from tests.testing.test_explore import lost_update, two_steps_each
from trio_run.events import ChildFailed, ChildReady, ChildStarting, ChildStuck
from trio_run.testing import (
    EventLog,
    Life,
    QuietClock,
    Schedule,
    Script,
    cancel_everywhere,
    explore,
    fails,
    fails_to_start,
    hangs,
    replay,
    returns,
    schedules,
)
from trio_run.testing._explore_token import Model

QUICK = tr.Backoff(first=1, max=1, jitter=0)


async def run_for(seconds, supervisor, log):
    """
    Run a supervisor, and ask it to stop after so many virtual seconds.
    """
    with tr.use_sinks(log):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(supervisor.run)
            await trio.sleep(seconds)
            supervisor.request_stop()


class TestScript:
    async def test_lives_in_order(self):
        """
        Each life does what stands in its place, then all others do the same, and the log has it with times.
        """
        log = EventLog()
        db = Script("db", fails(after=1), Life(start=2, runs=1, result=OSError("late")), log=log)
        await run_for(10, tr.Supervisor("shop", tr.Child(db, backoff=QUICK)), log)

        assert [
            (0, "db starts"),
            (0, "db is ready"),
            (1, "db fails"),
            (1, "db ends"),
            (1, "db starts"),
            (3, "db is ready"),
            (4, "db fails"),
            (4, "db ends"),
            (5, "db starts"),
            (5, "db is ready"),
            (10, "db is cancelled"),
            (10, "db ends"),
        ] == log.notes

    async def test_lives_by_number(self):
        """
        One life among many can be told apart, and all others too.
        """
        log = EventLog()
        db = Script("db", on={3: hangs()}, rest=fails(after=1))
        child = tr.Child(db, backoff=tr.Backoff(first=0, jitter=0), start_timeout=5)
        with pytest.raises(tr.GaveUp), tr.use_sinks(log):
            await tr.Supervisor("shop", child, budget=tr.Budget(restarts=3, per=1000)).run()

        assert [1, 2, 4] == [event.life for event in log.find(ChildReady, path="shop/db")]
        assert 4 == db.lives
        assert 0 == db.running

    async def test_result(self):
        """
        What a life returns comes out, and what it raises too.
        """
        script = Script("job", returns(7, after=1), fails(ValueError("no"), after=1), fails_to_start(after=1))

        assert 7 == await script.run()
        with pytest.raises(ValueError, match="no"):
            await script.run()
        with pytest.raises(OSError):
            await script.run()
        assert 3 == trio.current_time()

    async def test_error_by_its_class(self):
        """
        A class of errors makes a new one for each life.
        """
        script, raised = Script("job", rest=fails(KeyError)), []
        for _ in range(2):
            with pytest.raises(KeyError) as caught:
                await script.run()
            raised.append(caught.value)

        assert raised[0] is not raised[1]

    async def test_drain(self):
        """
        A life that listens goes on for as long as it was told after it was asked to stop, and does not fail any more.
        """
        log = EventLog()
        web = Script("web", Life(drain=3, runs=60, result=OSError()), log=log)
        await run_for(1, tr.Supervisor("shop", web), log)

        assert [(0, "web starts"), (0, "web is ready"), (1, "web drains"), (4, "web ends")] == log.notes

    async def test_drain_that_is_not_asked_for(self):
        """
        A life that listens, and is not asked to stop, ends as it was told.
        """
        with pytest.raises(OSError):
            await Script("web", Life(drain=3, runs=2, result=OSError())).run()
        assert 2 == trio.current_time()

    async def test_stubborn_stop(self):
        """
        A life that cleans up for longer than its grace is stuck, and said to be.
        """
        log = EventLog()
        web = Script("web", Life(cleanup=50), log=log)
        await run_for(1, tr.Supervisor("shop", tr.Child(web, grace=5)), log)

        assert {"shop/web"} == {event.path for event in log.find(ChildStuck)}
        assert (51, "web ends") == log.notes[-1]

    async def test_whatever_its_script_says_who_is_cancelled_raises(self):
        """
        Cancelled before it is ready, while it runs, while it drains or while it cleans up: the cancellation comes out.
        """
        for life in (Life(start=10), hangs(), Life(), Life(drain=5), Life(cleanup=5), returns(1, after=10)):
            with trio.move_on_after(1) as scope:
                await Script("web", life).run()
            assert scope.cancelled_caught

    def test_cancelled_everywhere(self):
        """
        No point of a supervised script swallows anything or is left behind.
        """

        async def main():
            log = EventLog()
            scripts = [Script("db", fails(after=1), log=log), Script("web", Life(drain=1, cleanup=1), log=log)]
            await run_for(3, tr.Supervisor("shop", *(tr.Child(each, backoff=QUICK) for each in scripts)), log)

        cancel_everywhere(main, allow=OSError).raise_if_found()

    @pytest.mark.parametrize(
        ("make", "error"),
        [
            (lambda: Life(start=-1), "start is a number of seconds from 0, not -1."),
            (lambda: Life(runs=math.nan), "runs is a number of seconds from 0, not nan."),
            (lambda: Life(drain=-2), "drain is a number of seconds from 0, not -2."),
            (
                lambda: Script("db", on={0: hangs()}),
                "The lives of db count from 1, and there is one with the number 0.",
            ),
        ],
    )
    def test_nonsense(self, make, error):
        """
        What cannot be is refused at once.
        """
        with pytest.raises(ValueError) as caught:
            make()

        assert error == str(caught.value)


class TestEventLog:
    async def test_an_event_that_came_before_is_found_as_well_as_one_that_comes_later(self):
        """
        Whoever waits gets the event, now or then, and can wait for one life or for the second time.
        """
        log = EventLog()
        db = Script("db", fails(after=5))
        with tr.use_sinks(log):
            async with tr.open_supervisor("shop", tr.Child(db, backoff=QUICK)):
                assert 1 == (await log.wait_for(ChildReady, path="shop/db")).life
                assert 0 == trio.current_time()
                assert 2 == (await log.wait_for(ChildReady, path="*/db", count=2)).life
                assert 5 == trio.current_time()
                assert 1 == (await log.wait_for(ChildFailed, life=1)).life

        assert 5 == trio.current_time()

    async def test_a_wait_that_is_cancelled_leaves_nothing_behind(self):
        """
        Who gave up waiting is not woken, and others are.
        """
        log = EventLog()
        found = []

        async def wait():
            found.append(await log.wait_for(ChildStarting))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait)
            with trio.move_on_after(1):
                await log.wait_for(ChildStarting)
            assert 1 == log._waiting.statistics().tasks_waiting
            log(ChildStarting(seq=1, time=0.0, path="shop/db"))

        assert [log.one(ChildStarting)] == found

    def test_waits_on_every_schedule(self):
        """
        No event is missed, in whatever order who waits and what happens come, and wherever a cancellation comes in.
        """

        async def main():
            log = EventLog()

            async def happen():
                for number in (1, 2):
                    log(ChildStarting(seq=number, time=0.0, path="shop/db"))
                    await checkpoint()

            async with trio.open_nursery() as nursery:
                nursery.start_soon(happen)
                assert 2 == (await log.wait_for(ChildStarting, count=2)).seq

        assert explore(main, strategy="dfs", preemptions=2, schedules=300, seed=0).exhausted
        cancel_everywhere(main).raise_if_found()

    def test_find(self):
        """
        Events are found by class, base class and fields, and a field that is not there is told.
        """
        log = EventLog()
        for number, path in enumerate(["shop", "shop/db", "shop/web"], 1):
            log(ChildStarting(seq=number, time=0.0, path=path, life=number))

        assert ["shop/db", "shop/web"] == [event.path for event in log.find(ChildStarting, path="shop/*")]
        assert 3 == len(log.find(tr.events.Event))
        assert [] == log.find(ChildReady)
        with pytest.raises(AttributeError):
            log.find(ChildStarting, colour="red")
        with pytest.raises(
            AssertionError, match=r"2 events are ChildStarting\(path='shop/\*'\), and not 1:\n .*shop#1"
        ):
            log.one(ChildStarting, path="shop/*")

    async def test_clear(self):
        """
        What was forgotten is gone, and the times of notes count from where they did.
        """
        log = EventLog()
        log.note("first")
        await trio.sleep(2)
        log.clear()
        log.note("second")

        assert [(2, "second")] == log.notes

    async def test_count(self):
        """
        A number of events that makes no sense is refused.
        """
        with pytest.raises(ValueError, match="count is at least 1, not 0"):
            await EventLog().wait_for(ChildReady, count=0)

    async def test_order(self):
        """
        Lines in their order pass, with others in between.
        """
        log = self.told()
        log.check_order("child.starting shop/db#1", "db opens", "child.* shop/web#1")
        log.check_order()

        assert ["child.starting shop/db#1", "child.starting shop/web#1"] == log.story()
        assert [] == log.story("child.ready")
        assert ["db opens"] == log.lines

    @staticmethod
    def told():
        log = EventLog()
        log(ChildStarting(seq=1, time=0.0, path="shop/db", life=1))
        log.note("db opens")
        log(ChildStarting(seq=2, time=2.0, path="shop/web", life=1))
        return log

    async def test_order_that_is_not_so(self):
        """
        The error tells what is out of place, and shows the log and how far it went well.
        """
        log = self.told()
        with pytest.raises(AssertionError) as caught:
            log.check_order("child.starting shop/web#1", "db opens")
        with pytest.raises(AssertionError, match=r"^'db closes' is not there\. What"):
            log.check_order("db closes")

        first = "'db opens' comes earlier, in line 2, and should come after 'child.starting shop/web#1'."
        assert [
            f"{first} What is marked was found, in this order:",
            "     1      0.000 s  child.starting shop/db#1",
            "     2      0.000 s  db opens",
            ">    3      2.000 s  child.starting shop/web#1",
            "expected next: db opens",
        ] == str(caught.value).splitlines()


class TestSchedules:
    def test_found_and_shrunk(self):
        """
        hypothesis finds a race that no example without schedules shows, and its least schedule has one choice.
        """

        def fails_on(schedule):
            try:
                schedule.run(lost_update)
            except AssertionError:
                return True
            return False

        schedule = find(schedules(), fails_on, settings=settings(database=None, derandomize=True))

        assert [1] == [int(each) for each in schedule.token.removeprefix("wide:").split(".") if int(each)]
        assert isinstance(replay(lost_update, schedule.token).failure, AssertionError)

    def test_unaided_it_tests_one_schedule(self):
        """
        Without a drawn schedule all examples are run in one order; with one, in many.
        """

        async def order(ran):
            async def child(name):
                ran.append(name)

            async with trio.open_nursery() as nursery:
                for name in "abcd":
                    nursery.start_soon(child, name)

        plain, drawn = set(), set()

        @settings(database=None, derandomize=True, max_examples=60, suppress_health_check=list(HealthCheck))
        @given(st.integers(), schedules())
        def run_both(_number, schedule):
            for seen, go in (
                (plain, lambda ran: trio.run(order, ran, clock=QuietClock())),
                (drawn, lambda ran: schedule.run(order, ran)),
            ):
                ran = []
                go(ran)
                seen.add("".join(ran))

        run_both()

        assert 1 == len(plain)
        assert 10 < len(drawn)

    def test_the_failure_comes_out_with_its_token(self):
        """
        A test that fails says on which schedule, for `replay`.
        """

        @settings(database=None, derandomize=True)
        @given(schedules(model="strict"))
        def check(schedule):
            schedule.run(wrong_order)

        with pytest.raises(AssertionError) as caught:
            check()

        notes = "\n".join(caught.value.__notes__)
        token = notes.partition("The token of the schedule is ")[2].split()[0]
        assert token.startswith("strict:")
        assert isinstance(replay(wrong_order, token).failure, AssertionError)

    def test_what_hypothesis_raises_never_goes_through_a_run(self):
        """
        When hypothesis wants to stop, the run goes on to its end on defaults, and then it stops.
        """
        ends = []

        class Exhausted(BaseException):
            pass

        class Short(random.Random):
            draws = 0

            def randrange(self, *_args):
                self.draws += 1
                if self.draws == 3:
                    raise Exhausted
                return 1

        async def child():
            for _ in range(10):
                await checkpoint()
            ends.append("child")

        async def main():
            async with trio.open_nursery() as nursery:
                nursery.start_soon(child)
                nursery.start_soon(child)
            ends.append("main")

        short = Short()
        with pytest.raises(Exhausted):
            Schedule(short, Model.WIDE, 0.0, 1000).run(main)

        assert ["child", "child", "main"] == ends
        assert 3 == short.draws

    def test_result(self):
        """
        What the function returns comes out, and chance is left as it was.
        """

        async def answer(number):
            await two_steps_each()
            return number + 1

        @settings(database=None, max_examples=5)
        @given(schedules(), st.integers())
        def check(schedule, number):
            assert number + 1 == schedule.run(answer, number)

        check()

    @pytest.mark.parametrize("options", [{"slack": -1}, {"max_steps": 0}, {"model": "broad"}])
    def test_nonsense(self, options):
        """
        What cannot be is refused when the strategy is made.
        """
        with pytest.raises(ValueError):
            schedules(**options)


async def wrong_order():
    """
    Three tasks that trio by itself never runs in the order b, a, c.
    """
    ran = []

    async def child(name):
        ran.append(name)

    async with trio.open_nursery() as nursery:
        for name in "abc":
            nursery.start_soon(child, name)
    assert ran != ["b", "a", "c"]
