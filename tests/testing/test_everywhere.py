"""
cancel_everywhere and fault_everywhere: what they find, what they leave alone, and what they say.
"""

import collections
import contextlib
import importlib
import math
import subprocess
import threading
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from trio_run import (
    Budget,
    Child,
    GaveUp,
    StartFailed,
    Supervisor,
    SupervisorNotRunning,
    SupervisorStopping,
    open_group,
    open_pool,
    open_supervisor,
)
from trio_run._sometimes import drive_sometimes
from trio_run.leaks import Ignore, Kind
from trio_run.testing import (
    EverywhereError,
    How,
    InjectedFault,
    QuietClock,
    Verdict,
    _everywhere_watch,
    cancel_everywhere,
    fault_everywhere,
    sometimes,
)
from trio_run.testing._everywhere_cancel import CancelZone
from trio_run.testing._everywhere_places import place_of_error
from trio_run.testing._everywhere_watch import ROUNDS, Waits, Watch
from trio_run.testing._everywhere_zone import Zone


def planted(name):
    """
    The program of this name, and what both tools are to be told of it.
    """
    program = importlib.import_module(f"tests.planted.everywhere.{name}")
    return program, {"check": getattr(program, "check", None), **getattr(program, "OPTIONS", {})}


def verdicts(report):
    return {finding.verdict.value for finding in report.findings}


async def tidy():
    """
    A program with nothing wrong about it.
    """
    send, receive = trio.open_memory_channel(1)
    lock = trio.Lock()

    async def produce():
        async with send:
            for number in range(2):
                await send.send(number)

    async def consume():
        async with receive:
            async for _ in receive:
                async with lock:
                    await trio.sleep(1)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(produce)
        nursery.start_soon(consume)
        with trio.move_on_after(0.5):
            await trio.sleep(5)


class TestCancelEverywhere:
    def test_an_empty_report_is_a_clean_one(self):
        """
        Nothing is found, nothing is raised, and the report says how much was tried.
        """
        report = cancel_everywhere(tidy)
        report.raise_if_found()

        assert () == report.findings
        assert 15 < len(report.points)
        assert f"tidy: clean at {len(report.points)} points" == str(report)

    def test_equal_functions_get_equal_reports(self):
        """
        Twice the same points, with the same places.
        """
        assert cancel_everywhere(tidy) == cancel_everywhere(tidy)
        assert fault_everywhere(tidy) == fault_everywhere(tidy)

    def test_every_task_has_points_of_every_kind(self):
        """
        Before the start, while it waits, when it was woken, and after its end.
        """
        points = cancel_everywhere(tidy).points

        assert list(range(len(points))) == [point.number for point in points]
        assert {How.START, How.WAITING, How.PENDING, How.EXITED} == {point.how for point in points}
        assert {"tidy", "produce", "consume"} <= {point.place.function.rpartition(".")[2] for point in points}

    def test_only_the_cancellation_made_here_counts(self):
        """
        A task that hears a cancellation of its own, and deals with it, is in its right.
        """

        async def own():
            with trio.CancelScope(shield=True) as scope:
                scope.cancel(reason="enough")
                try:
                    await trio.sleep(1)
                except trio.Cancelled:
                    await trio.lowlevel.cancel_shielded_checkpoint()

        assert () == cancel_everywhere(own).findings

    def test_what_a_scope_of_its_own_does_to_a_part_is_its_own_affair(self):
        """
        A job, and a task that it starts, may do with its own cancellations what they like; those of who runs it are not theirs.
        """

        async def job():
            await trio.sleep(2)
            with trio.CancelScope(shield=True) as scope:
                scope.cancel(reason="enough")
                with contextlib.suppress(trio.Cancelled):
                    await trio.sleep(1)

        async def program():
            async with open_pool(1) as pool, open_group(pool=pool) as group:
                group.start_soon(job)
                await trio.sleep(1)

        assert () == cancel_everywhere(program).findings

    def test_a_reason_that_others_give_as_well(self):
        """
        A task that is cancelled by its own program, for the reason that a job elsewhere is cancelled for, is in its right.
        """

        async def read(scope):
            with scope, contextlib.suppress(trio.Cancelled):
                await trio.sleep_forever()

        async def program():
            scope = trio.CancelScope(shield=True)
            async with trio.open_nursery() as nursery, open_pool(1) as pool:
                nursery.start_soon(read, scope)
                job = pool.start_soon(trio.sleep, 5)
                try:
                    await trio.sleep(1)
                finally:
                    job.cancel("enough")
                    scope.cancel(reason="enough")

        assert () == cancel_everywhere(program).findings

    def test_users_look_for_their_own_first(self):
        """
        Where trio_run waits, or raises, for a user, it is the line of the user that is shown.
        """

        async def waits():
            async with open_group(on_failure="collect") as group:
                group.start_soon(trio.Event().wait)
                job = group.start_soon(trio.Event().wait)
                await job.wait()

        async def asks():
            shop = Supervisor("shop")
            await trio.sleep(1)
            shop.request_stop()

        assert __file__ == fault_everywhere(waits).findings[0].file
        with pytest.raises(SupervisorNotRunning) as caught:
            fault_everywhere(asks)
        assert __file__ == place_of_error(caught.value).file

    def test_a_part_is_told_of_once(self):
        """
        A job that swallows its cancellation runs in parts of its own and of the group, and is one finding.
        """
        program, options = planted("job_in_a_pool_swallows")
        report = cancel_everywhere(program.broken, **options)

        assert {1} == set(collections.Counter(finding.point.number for finding in report.findings).values())

    def test_join_of_a_shielded_task(self):
        """
        A nursery that is cancelled while its last task is shielded raises nothing, and that is no fault of anybody.
        """

        async def flush():
            with trio.CancelScope(shield=True):
                await trio.sleep(1)

        async def join():
            async with trio.open_nursery() as nursery:
                nursery.start_soon(flush)

        assert () == cancel_everywhere(join).findings

    def test_at(self):
        """
        One point can be tried again alone, by its number.
        """
        program, _ = planted("swallowed_by_broad_except")
        first = cancel_everywhere(program.broken).findings[0]
        report = cancel_everywhere(program.broken, at=first.point.number)

        assert (first,) == report.findings
        assert (first.point,) == report.points

    def test_schedules(self):
        """
        A cancellation that does harm only where tasks run in another order is found in that order, and again by its number.
        """
        store = []

        async def use():
            try:
                await trio.sleep(1)
            finally:
                store.append("used")

        async def close():
            try:
                await trio.sleep(2)
            finally:
                store.append("closed")

        async def both():
            store.clear()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(use)
                nursery.start_soon(close)

        def check(_result):
            assert store in ([], ["used", "closed"])

        assert () == cancel_everywhere(both, check=check).findings
        report = cancel_everywhere(both, check=check, schedules=8)
        finding = report.findings[0]
        again = cancel_everywhere(both, check=check, at=finding.point.number, schedules=(finding.point.schedule,))

        assert {0, 1, 2, 3, 4, 5, 6, 7} == {point.schedule for point in report.points}
        assert f"schedules=({finding.point.schedule},)" in str(report)
        assert Verdict.INVARIANT is finding.verdict
        assert (finding,) == again.findings

    @pytest.mark.parametrize("everywhere", [cancel_everywhere, fault_everywhere])
    def test_schedules_multiply(self, everywhere):
        """
        Each schedule has all of its points tried.
        """
        once, thrice = everywhere(tidy), everywhere(tidy, schedules=3, allow=trio.BrokenResourceError)
        by_schedule = [[point for point in thrice.points if point.schedule == number] for number in range(3)]

        assert once.points == tuple(by_schedule[0])
        assert all(len(points) > 5 for points in by_schedule)
        assert () == thrice.findings

    def test_what_goes_wrong_by_itself_is_raised(self):
        """
        What the function raises when nothing is done to it comes out as it is.
        """

        async def fail():
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            cancel_everywhere(fail)

    def test_what_is_left_behind_by_itself(self):
        """
        A leak that has nothing to do with any point is reported once, and with no point.
        """

        async def leak():
            trio.lowlevel.spawn_system_task(trio.sleep_forever)
            await trio.sleep(1)

        (finding,) = cancel_everywhere(leak).findings

        assert Verdict.LEAK is finding.verdict
        assert finding.point is None
        assert __file__ == finding.file
        assert () == cancel_everywhere(leak, ignore=[Ignore(kind=Kind.TASK)]).findings
        assert () == cancel_everywhere(leak, accept=["leak"]).findings

    def test_what_never_ends_by_itself(self):
        """
        A function that hangs without being cancelled is said to, and its points are not tried.
        """
        report = cancel_everywhere(trio.sleep_forever)

        assert [(Verdict.HANG, None)] == [(each.verdict, each.point) for each in report.findings]
        assert "nothing can wake what is left" in str(report)

    def test_patience(self):
        """
        How long clean-up may take is up to the caller.
        """

        async def slow():
            try:
                await trio.sleep(1)
            finally:
                with trio.CancelScope(shield=True):
                    await trio.sleep(100)

        assert {"hang"} == verdicts(cancel_everywhere(slow))
        assert () == cancel_everywhere(slow, patience=101).findings

    def test_allow(self):
        """
        An error that may come out is named.
        """
        program, _ = planted("cancelled_becomes_timeout")

        assert () == cancel_everywhere(program.broken, allow=program.TooLate).findings

    def test_check_is_given_the_result(self):
        """
        The check gets what was returned, or None where the function did not get that far.
        """
        results = []

        async def answer():
            await trio.sleep(1)
            return 42

        cancel_everywhere(answer, check=results.append)

        assert {42, None} == set(results)

    def test_a_result_of_a_cancelled_run(self):
        """
        A function may be cancelled after its last checkpoint, and returns as if nothing had been.
        """
        kept = []

        async def answer():
            await trio.sleep(1)
            kept.append(42)

        def check(_result):
            assert len(kept) < 2
            kept.clear()

        assert () == cancel_everywhere(answer, check=check).findings

    def test_max_points(self):
        """
        What was not tried is said, and is not taken for clean.
        """
        report = cancel_everywhere(tidy, max_points=3)

        assert [0, 1, 2] == [point.number for point in report.points]
        assert report.unreached > 10
        with pytest.raises(EverywhereError, match="were not tried"):
            report.raise_if_found()

    def test_runs_that_are_not_equal(self):
        """
        Points that do not come again are counted.
        """
        calls = []

        async def shorter():
            calls.append(1)
            for _ in range(5 if len(calls) == 1 else 1):
                await trio.sleep(1)

        report = cancel_everywhere(shorter)

        assert report.missed > 2
        assert "did not come again" in str(report)

    @pytest.mark.parametrize(
        ("options", "error"),
        [
            ({"patience": -1}, "patience is a number of seconds from 0, and finite, not -1."),
            ({"patience": math.inf}, "patience is a number of seconds from 0, and finite, not inf."),
            ({"max_steps": 0}, "max_steps is at least 1, not 0."),
            ({"schedules": 0}, "schedules is at least 1, not 0."),
            ({"accept": ["nonsense"]}, "'nonsense' is not a valid Verdict"),
            ({"at": 99}, "tidy has 40 points, so there is none with the number 99."),
        ],
    )
    def test_bad_options(self, options, error):
        """
        What makes no sense is refused with the way out.
        """
        with pytest.raises(ValueError) as info:
            cancel_everywhere(tidy, **options)

        assert error == str(info.value).replace(str(len(cancel_everywhere(tidy).points)), "40")

    async def test_inside_of_a_run(self):
        """
        It says that it needs a test that is not async.
        """
        with pytest.raises(RuntimeError, match="call it from a test that is not async"):
            cancel_everywhere(tidy)


class TestFaultEverywhere:
    def test_each_wait_fails_once(self):
        """
        One run for each wait, and the fault may come out.
        """

        async def three():
            await trio.sleep(1)
            await trio.lowlevel.checkpoint()
            await trio.sleep(2)

        report = fault_everywhere(three)

        assert () == report.findings
        assert [How.FAULT] * 3 == [point.how for point in report.points]

    def test_no_fault_comes_after_an_operation_took_effect(self):
        """
        A value that was received, and a lock that was acquired, are never lost to a fault.
        """

        async def operate():
            send, receive = trio.open_memory_channel(1)
            lock = trio.Lock()
            with send, receive:
                await send.send("value")
                await receive.receive()
                await lock.acquire()
                lock.release()

        report = fault_everywhere(operate)

        assert () == report.points
        assert () == report.findings

    def test_a_wait_that_fails_has_not_happened(self):
        """
        Who waits for a lock in vain is not its owner, and the next one gets it.
        """

        async def queue():
            lock, had = trio.Lock(), []

            async def have(name):
                try:
                    async with lock:
                        had.append(name)
                        await trio.sleep(1)
                except InjectedFault:
                    had.append(f"not {name}")

            async with trio.open_nursery() as nursery:
                for name in "abc":
                    nursery.start_soon(have, name)
            assert not lock.locked()
            assert {"a", "b", "c"} == {each[-1] for each in had}

        report = fault_everywhere(queue, tasks="have")

        assert () == report.findings
        assert 5 == len(report.points)

    def test_shields_are_left_alone(self):
        """
        What a task shields from cancellation is not failed either; what its parent shields is.
        """

        async def clean_up():
            with trio.CancelScope(shield=True):
                await trio.sleep(1)
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(trio.sleep, 1)

        assert ["sleep"] == [point.task for point in fault_everywhere(clean_up).points]

    def test_a_task_that_is_cancelled_is_left_alone(self):
        """
        Where `trio.Cancelled` is about to come, a fault does not take its place.
        """

        async def cancel():
            with trio.CancelScope() as scope:
                scope.cancel(reason="test")
                await trio.sleep(1)

        assert () == fault_everywhere(cancel).points

    def test_a_nursery_keeps_a_fault(self):
        """
        A nursery that waits for its tasks is a point as well: it cancels them, and raises the fault when they are gone.
        """

        async def join():
            async with trio.open_nursery() as nursery:
                nursery.start_soon(trio.sleep, 1)

        assert ["join", "sleep"] == sorted(
            point.place.function.rpartition(".")[2] if point.task != "sleep" else "sleep"
            for point in fault_everywhere(join).points
        )

    def test_tasks(self):
        """
        Faults can be kept to tasks of one name.
        """
        report = fault_everywhere(tidy, tasks="cons*")

        assert {"consume"} == {point.task for point in report.points}

    def test_the_tasks_of_trio_run_are_left_alone(self):
        """
        What a pool or a supervisor does for itself does not fail, if it is not asked for by name; what it does for others does.
        """

        async def program():
            async with open_pool(1, idle_time=1) as pool, open_supervisor("shop") as shop:
                await shop.start(Child(trio.sleep, 1, name="web", restart="never"))
                await pool.start_soon(trio.sleep, 2).wait()
                await trio.sleep(5)

        allow = (GaveUp, StartFailed, SupervisorStopping)
        own, every = (
            {point.task for point in fault_everywhere(program, tasks=tasks, allow=allow).points}
            for tasks in (None, "*")
        )

        assert {"main", "pool worker", "shop/web#1"} == own
        assert {"shop sentinel"} <= every - own

    def test_what_is_raised_from_the_fault(self):
        """
        An error that was raised from the fault, or from a group with it, is as good as the fault.
        """

        async def told():
            try:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(trio.sleep, 1)
            except* Exception as group:
                raise KeyError("told") from group

        assert () == fault_everywhere(told).findings

    def test_how_a_child_fails_anyway(self):
        """
        The errors of a child that fails without anything being done to it are not news where its supervisor tells of them.
        """
        lives = []

        async def flaky(kind):
            lives.append(1)
            if len(lives) == 1:
                raise kind
            await trio.sleep(1)

        async def program():
            class FlakyError(Exception):
                pass

            lives.clear()
            async with open_supervisor("shop", budget=Budget(restarts=1)) as shop:
                shop.start_soon(Child(flaky, FlakyError, restart="on_failure"))
                await trio.sleep(3)

        assert () == fault_everywhere(program).findings
        assert () == cancel_everywhere(program).findings

    def test_times(self):
        """
        A wait can fail each time, so that trying again does not help.
        """
        attempts = []

        async def again():
            attempts.clear()
            for _ in range(5):
                attempts.append(1)
                try:
                    await trio.sleep(1)
                except InjectedFault:
                    continue
                return

        fault_everywhere(again, check=lambda _: None, at=0)
        once = len(attempts)
        fault_everywhere(again, at=0, times=math.inf)

        assert (2, 5) == (once, len(attempts))

    def test_trying_again_at_once_for_ever_has_an_end(self):
        """
        Who tries again at once whenever it fails, and is failed each time, never gives a turn to anybody, and is ended all the same.
        """

        async def again():
            lock = trio.Lock()
            async with trio.open_nursery() as nursery:
                await lock.acquire()
                nursery.start_soon(stubborn, lock)
                await trio.sleep(1)
                lock.release()

        async def stubborn(lock):
            while True:
                with contextlib.suppress(OSError):
                    await lock.acquire()
                    break
            lock.release()

        report = fault_everywhere(again, OSError, tasks="*stubborn", times=math.inf)

        assert [Verdict.LIVELOCK] == [each.verdict for each in report.findings]
        assert report.findings[0].place.function.endswith("stubborn")

    def test_fault(self):
        """
        The fault is of the kind that was asked for, and may come out in a group.
        """

        async def brave():
            async with trio.open_nursery() as nursery:
                nursery.start_soon(trio.sleep, 1)
                with pytest.raises(OSError):
                    await trio.sleep(1)
                    raise OSError

        assert () == fault_everywhere(brave, OSError).findings
        assert {"wrong exception"} == verdicts(fault_everywhere(brave, KeyError, allow=ExceptionGroup)) | {
            "wrong exception"
        }

    @pytest.mark.parametrize("sends", [True, False])
    def test_what_follows_from_the_fault(self, sends):
        """
        That the other end of a channel is gone is no finding, since it went with the fault; it is one if it is raised in place of that.
        """

        async def talk(end, times):
            with end:
                for _ in range(times):
                    await trio.sleep(1)
                await (end.send("word") if isinstance(end, trio.MemorySendChannel) else end.receive())

        async def host():
            ends = trio.open_memory_channel(0)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(talk, ends[sends], 2)
                await talk(ends[not sends], 1)

        async def hidden():
            try:
                await host()
            except ExceptionGroup:
                raise trio.BrokenResourceError from None

        assert () == fault_everywhere(host).findings
        assert {"wrong exception"} == verdicts(fault_everywhere(hidden))

    @pytest.mark.real
    def test_a_wait_that_cannot_be_ended(self):
        """
        A call in a thread is no point: trio could not cancel it either.
        """

        async def call():
            await trio.to_thread.run_sync(threading.get_ident)

        report = fault_everywhere(call, tasks="main")

        assert () == report.findings
        assert 0 == report.missed

    @pytest.mark.real
    def test_a_thread_that_asks_whether_it_is_cancelled(self):
        """
        A thread is not told that it is cancelled because the wait for it was tried and could not be ended.
        """

        def work():
            for _ in range(3):
                trio.from_thread.check_cancelled()
                trio.from_thread.run(trio.lowlevel.checkpoint)
            return "done"

        async def call():
            assert "done" == await trio.to_thread.run_sync(work)

        assert () == fault_everywhere(call).findings

    @pytest.mark.real
    def test_a_thread_that_is_cancelled_afterwards(self):
        """
        A cancellation reaches a thread although the wait for it was tried before.
        """

        def work():
            while True:
                trio.from_thread.check_cancelled()
                trio.from_thread.run_sync(bool)

        async def call():
            async with trio.open_nursery() as nursery:
                nursery.start_soon(trio.to_thread.run_sync, work)
                await trio.lowlevel.checkpoint()
                await trio.lowlevel.checkpoint()
                nursery.cancel_scope.cancel(reason="done")

        assert () == fault_everywhere(call, patience=0.1).findings


class TestSometimes:
    def test_outside_of_a_test_the_answer_is_false(self):
        """
        In production nothing fails on purpose, inside of a run or not.
        """

        async def main():
            return sometimes("anything")

        assert not sometimes("anything")
        assert not trio.run(main, clock=MockClock())

    def test_one_test_decides_at_a_time(self):
        """
        A second one is refused, and the first takes nothing along when it ends.
        """
        with drive_sometimes(lambda name: name == "yes"):
            assert sometimes("yes")
            assert not sometimes("no")
            with pytest.raises(RuntimeError, match="one test at a time"):
                with drive_sometimes(lambda _: True):
                    pass

            assert sometimes("yes")
        assert not sometimes("yes")

    def test_each_call_is_a_point(self):
        """
        Each call answers True in one run, and the report names it and where it stands.
        """
        answers = []

        async def ask():
            answers.append([sometimes("first"), sometimes("second")])

        report = fault_everywhere(ask)

        assert [[False, False], [True, False], [False, True]] == answers
        assert ["first", "second"] == [point.name for point in report.points]
        assert f"sometimes 'first' {report.points[0].place} (task main)" == str(report.points[0])
        assert __file__ == report.points[0].place.file

    def test_cancellation_does_not_drive_it(self):
        """
        Where a function is cancelled nothing else is done to it.
        """

        async def ask():
            assert not sometimes("ever")

        assert () == cancel_everywhere(ask).findings


class TestReport:
    def test_findings_that_differ_only_in_the_point_are_printed_as_one(self):
        """
        A report has the verdict, the line, what went wrong, and the points to try again.
        """

        async def swallow():
            try:
                await trio.sleep(1)
            except BaseException:  # noqa: BLE001
                return

        report = cancel_everywhere(swallow)
        first = report.findings[0]

        assert 2 == len(report.findings)
        assert 1 == str(report).count("swallowed:")
        assert f"{first.file.removeprefix(str(Path.cwd()) + '/')}:{first.line} in " in str(report)
        assert "at=0: cancel before the start of" in str(report)
        with pytest.raises(EverywhereError) as info:
            report.raise_if_found()
        assert report is info.value.report
        assert str(report) == str(info.value)
        assert str(first).startswith("swallowed: ")


class TestZone:
    @pytest.mark.parametrize("kind", [Zone, CancelZone])
    def test_without_a_point_to_try_a_zone_changes_nothing(self, kind):
        """
        The function returns what it returns, and nothing is noted.
        """

        async def main():
            zone = kind(None)
            trio.lowlevel.add_instrument(zone)
            zone.most_steps = 1000
            await zone.run(tidy)
            return zone

        zone = trio.run(main, clock=MockClock(autojump_threshold=0))

        assert zone.returned
        assert (None, None, []) == (zone.point, zone.broken, zone.endings)

    def test_names_like_those_of_trios_own_tasks(self):
        """
        A task that is called as pytest-trio calls its own is one of the zone.
        """

        async def swallow():
            try:
                await trio.sleep(1)
            except trio.Cancelled:
                return

        async def main():
            async with trio.open_nursery() as nursery:
                nursery.start_soon(swallow, name="<test 'swallow'>")

        assert {"child swallowed"} == verdicts(cancel_everywhere(main))

    def test_tasks_that_are_there_before_are_not_touched(self):
        """
        What runs beside a zone, as fixtures do, has no points in it, and is not cancelled.
        """
        zone = CancelZone(0)
        zone.most_steps = 1000
        ends = []

        async def beside():
            await trio.sleep(3)
            ends.append("beside")

        async def inside():
            try:
                await trio.sleep(2)
            finally:
                ends.append("inside")

        async def main():
            async with trio.open_nursery() as nursery:
                nursery.start_soon(beside)
                await trio.sleep(1)
                trio.lowlevel.add_instrument(zone)
                await zone.run(inside)

        trio.run(main, clock=MockClock(autojump_threshold=0))

        assert ["inside", "beside"] == ends
        assert "inside" in str(zone.point)
        assert zone.scope.cancelled_caught

    def test_a_mistake_in_a_hook_is_raised(self, monkeypatch):
        """
        Trio would log it and go on without the instrument; here it ends the run.
        """

        def broken(zone, how, probe):
            raise ZeroDivisionError

        monkeypatch.setattr(CancelZone, "_offer", broken)
        with pytest.raises(ZeroDivisionError):
            cancel_everywhere(tidy)


class TestWatch:
    def test_every_run_ends(self):
        """
        Also one that takes each end of a wait for a reason to wait once more.
        """

        async def stubborn():
            with trio.CancelScope(shield=True):
                while True:
                    try:
                        await trio.sleep_forever()
                    except BaseException:  # noqa: BLE001
                        await trio.lowlevel.cancel_shielded_checkpoint()

        async def parent():
            async with trio.open_nursery() as nursery:
                nursery.start_soon(stubborn)

        assert {"hang"} == verdicts(cancel_everywhere(parent))

    def test_a_busy_run_ends(self):
        """
        Also one that never waits for anything.
        """

        async def busy():
            while True:
                try:
                    await trio.lowlevel.checkpoint()
                except BaseException:  # noqa: BLE001, S112
                    continue

        assert {"livelock"} == verdicts(cancel_everywhere(busy, max_steps=500))

    def test_many_children_are_no_livelock(self):
        """
        Who waits for a thousand children, each of them cancelled, was cancelled once.
        """

        async def host():
            try:
                async with trio.open_nursery() as nursery:
                    for _ in range(1000):
                        nursery.start_soon(trio.sleep, 1)
            finally:
                with trio.CancelScope(shield=True):
                    await trio.sleep(1)
                await trio.lowlevel.checkpoint()

        assert () == cancel_everywhere(host, at=1500).findings

    @pytest.mark.real
    def test_time_stands_still_while_input_is_under_way(self):
        """
        A connection over a real socket is not cut short by virtual time.
        """

        async def talk():
            listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
            port = listeners[0].socket.getsockname()[1]

            async def echo(stream):
                await stream.send_all(await stream.receive_some())

            async with trio.open_nursery() as nursery:
                nursery.start_soon(trio.serve_listeners, echo, listeners)
                async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
                    with trio.fail_after(5):
                        await stream.send_all(b"hello")
                        assert b"hello" == await stream.receive_some()
                nursery.cancel_scope.cancel(reason="done")

        report = cancel_everywhere(talk, max_points=5)

        assert 5 == len(report.points)

    @pytest.mark.real
    def test_time_stands_still_while_a_child_process_is_at_work(self):
        """
        A timeout around a child process does not come before the process had its time.
        """

        async def call():
            with trio.fail_after(5):
                await trio.run_process(["sleep", "0.1"])

        report = cancel_everywhere(call, max_points=2)

        assert () == report.findings

    @pytest.fixture
    def short_wait(self, monkeypatch):
        """
        Have nobody wait long for those outside.
        """
        monkeypatch.setattr(_everywhere_watch, "ON_THE_WALL", 0.05)
        monkeypatch.setattr(_everywhere_watch, "AGAIN", 0.05)

    @pytest.mark.real
    @pytest.mark.usefixtures("short_wait")
    @pytest.mark.no_leak_check("a process that nobody ends is left on purpose")
    def test_a_child_process_that_nobody_ends_is_a_hang(self):
        """
        Who waits behind a shield for what a child process would tell, and ends that when all goes well only, is not waited for.
        """
        started = []

        async def wait_for_it():
            started.append(subprocess.Popen(["sleep", "300"]))
            ended = trio.Event()
            try:
                await trio.lowlevel.checkpoint()
                ended.set()
            finally:
                with trio.CancelScope(shield=True):
                    await ended.wait()
                started[-1].kill()

        report = cancel_everywhere(wait_for_it, accept=["leak"])
        for process in started:
            process.kill()
            process.wait()

        assert {Verdict.HANG} == {each.verdict for each in report.findings}
        assert 1 == len({each.text for each in report.findings})
        assert "waiting for the child process: main at" in report.findings[0].text

    @pytest.mark.real
    @pytest.mark.usefixtures("short_wait")
    @pytest.mark.no_leak_check("a thread waits on when its run has ended")
    def test_a_thread_that_nobody_ends_is_a_hang(self):
        """
        A run that a thread keeps for ever is ended without it.
        """
        events = []

        async def host():
            events.append(threading.Event())
            async with trio.open_nursery() as nursery:
                nursery.start_soon(trio.to_thread.run_sync, events[-1].wait)
                await trio.lowlevel.checkpoint()
                await trio.lowlevel.checkpoint()
                events[-1].set()

        report = cancel_everywhere(host)
        for event in events:
            event.set()

        assert {Verdict.HANG} == {each.verdict for each in report.findings}

    @pytest.mark.real
    @pytest.mark.usefixtures("short_wait")
    def test_what_is_usual_is_waited_for(self):
        """
        Those outside who keep a run waiting when nothing is done to it may do so when something is.
        """

        async def patient():
            with trio.CancelScope(shield=True):
                await trio.run_process(["sleep", "0.3"])

        assert () == cancel_everywhere(patient, max_points=3, accept=["swallowed"]).findings

    def test_who_waits_around_the_zone(self):
        """
        Once all that is tried was given up, what is left is the clock's to end.
        """

        async def main():
            watch = Watch(Zone(None), 1.0, 0.0, Waits())
            assert not watch._keeps(5.0)
            watch._rounds = ROUNDS + 1
            assert not watch._keeps(math.inf)
            watch.clock.keeper = None

        trio.run(main, clock=QuietClock())
