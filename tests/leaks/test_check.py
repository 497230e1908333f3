"""
The check of a whole run: what it raises, what it waits for, and that it leaves no trace.
"""

import builtins
import io
import os
import socket
import subprocess
import sys
import threading
import time
import warnings

import pytest
import trio
from trio.testing import MockClock

from trio_run import _trio_check, _trio_compat
from trio_run.leaks import CannotTell, Ignore, Kind, LeakError, NotWatching, leak_check
from trio_run.leaks._report import ensure_known
from trio_run.leaks._taps import held_taps

pytestmark = pytest.mark.no_leak_check("it leaks on purpose, and looks at how checks begin and end")


def run(main, *checks, clock=None):
    """
    Run *main* in virtual time under *checks*.
    """
    clock = MockClock(autojump_threshold=0) if clock is None else clock
    return trio.run(main, instruments=checks, clock=clock)


async def leaves_a_task():
    """
    Leave a system task behind.
    """
    trio.lowlevel.spawn_system_task(trio.sleep_forever, name="left")


async def leaves_nothing():
    """
    Be good.
    """
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.sleep, 1)


class TestOutcome:
    def test_clean(self):
        """
        A clean run returns its value, and the check says nothing.
        """

        async def main():
            await leaves_nothing()
            return 7

        with leak_check() as check:
            assert 7 == run(main, check)

        assert () == check.leaks

    def test_leak(self):
        """
        A leak is raised at the end of the block, and stays with the check.
        """
        with pytest.raises(LeakError) as caught, leak_check(grace=0) as check:
            run(leaves_a_task, check)

        assert ["left"] == [leak.name for leak in caught.value.leaks]
        assert caught.value.leaks == check.leaks

    def test_name_like_those_of_trios_own_tasks(self):
        """
        A task that is called as pytest-trio calls its own is a leak like any other.
        """

        async def left():
            await trio.sleep_forever()

        async def main():
            trio.lowlevel.spawn_system_task(left, name="<test 'left'>")

        with pytest.raises(LeakError) as caught, leak_check(grace=0) as check:
            run(main, check)

        assert ["<test 'left'>"] == [leak.name for leak in caught.value.leaks]

    def test_failure_without_leak(self):
        """
        A run that fails and leaves nothing behind fails as it would without the check.
        """

        async def main():
            raise KeyError(1)

        with pytest.raises(KeyError), leak_check() as check:
            run(main, check)

    def test_failure_and_leak(self):
        """
        Where the run fails and leaks both are told.
        """

        async def main():
            await leaves_a_task()
            raise KeyError(1)

        with pytest.raises(ExceptionGroup) as caught, leak_check(grace=0) as check:
            run(main, check)

        assert [KeyError, LeakError] == [type(error) for error in caught.value.exceptions]

    def test_failure_and_channel(self):
        """
        Who failed owes no closed channels: nobody is left to wait on them.
        """

        async def main():
            trio.open_memory_channel(0)
            raise KeyError(1)

        with pytest.raises(KeyError), leak_check() as check:
            run(main, check)

    def test_interrupt(self):
        """
        An interrupt from the keyboard is not hidden by a leak.
        """

        async def main():
            await leaves_a_task()
            raise KeyboardInterrupt

        with pytest.raises(BaseExceptionGroup) as caught, leak_check(grace=0) as check:
            run(main, check)

        assert caught.group_contains(KeyboardInterrupt)

    @pytest.mark.parametrize(
        "rule", ["left", Ignore(name="l*"), Ignore(function="sleep_forever"), Ignore(owner="*leaves_a_task")]
    )
    def test_ignored(self, rule):
        """
        What a rule names by name, function or owner may stay.
        """
        with leak_check(ignore=[rule]) as check:
            run(leaves_a_task, check)

    def test_equal_ones(self):
        """
        A hundred tasks of one make are one leak.
        """

        async def main():
            for _ in range(100):
                await leaves_a_task()

        with pytest.raises(LeakError) as caught, leak_check(grace=0) as check:
            run(main, check)

        assert [100] == [leak.count for leak in caught.value.leaks]
        assert "(100 times)" in str(caught.value)

    @pytest.mark.parametrize("grace", [-1, float("inf"), float("nan")])
    def test_bad_grace(self, grace):
        """
        A grace that cannot be waited for is refused.
        """
        with pytest.raises(ValueError, match="grace is a number of seconds"):
            leak_check(grace=grace)


def taps():
    """
    Return what a check replaces.
    """
    places = (trio.lowlevel.Task, trio.Lock, trio.CapacityLimiter, socket.socket, threading.Thread, io, os, builtins)
    return [(place, dict(vars(place))) for place in places]


class TestTaps:
    def test_taken_back(self):
        """
        After the last check everything is as it was before the first, so that nothing is paid for by who does not look.
        """
        before = taps()
        with leak_check() as check:
            during = taps()
            run(leaves_nothing, check)

        assert before != during
        assert before == taps()

    def test_no_audit_hook(self):
        """
        No audit hook is left, which Python would call for each frame that anybody looks at, till it ends.
        """
        program = """
import sys
heard = []
def add(hook): heard.append(hook)
sys.addaudithook = add
import trio
from trio_run.leaks import leak_check
async def main(): pass
with leak_check() as check:
    trio.run(main, instruments=[check])
assert not heard
"""
        subprocess.run([sys.executable, "-c", program], check=True)


class TestPlaces:
    def test_task(self):
        """
        A task comes with the line that started it, and the line where it stands.
        """
        with pytest.raises(LeakError) as caught, leak_check(grace=0) as check:
            run(leaves_a_task, check)
        (leak,) = caught.value.leaks

        assert leak.made[-1].endswith(" leaves_a_task")
        assert "sleep_forever" in leak.stands[0]
        assert leak.owner.endswith("leaves_a_task")

    @pytest.mark.real
    def test_thing_made_in_a_thread(self):
        """
        What a thread makes for a task is that task's, and its place shows who asked.
        """
        left = []

        async def main():
            left.append(await trio.to_thread.run_sync(socket.socket))

        with pytest.raises(LeakError) as caught, leak_check(grace=0) as check:
            trio.run(main, instruments=[check])
        left[0].close()
        (leak,) = caught.value.leaks

        assert leak.owner.endswith("main")
        assert leak.made[-1].endswith("main")

    @pytest.mark.skipif(sys.platform != "linux", reason="there a process is waited for by a descriptor")
    def test_descriptor_of_a_process(self):
        """
        The descriptor by which trio waits for a process is told with the line that started it, whatever had its number before.
        """
        started = []

        async def main():
            for end in os.pipe():
                os.close(end)
            started.append(await trio.lowlevel.open_process(["true"]))

        with pytest.raises(LeakError) as caught, leak_check() as check:
            run(main, check)
        started[0]._proc.wait()
        started[0]._pidfd.close()

        (leak,) = [leak for leak in caught.value.leaks if leak.kind is Kind.DESCRIPTOR]
        line = main.__code__.co_firstlineno + 3
        assert f"test_check.py:{line} " in leak.made[-1]


class TestPatience:
    def test_tasks_that_end_by_themselves(self):
        """
        A task that only needs some more steps is no leak, nor is one that waits for it.
        """
        ended = []

        async def steps():
            for _ in range(50):
                await trio.lowlevel.checkpoint()
            ended.append("steps")

        async def parent():
            async with trio.open_nursery() as nursery:
                nursery.start_soon(steps)
            ended.append("parent")

        async def main():
            trio.lowlevel.spawn_system_task(parent)

        with leak_check() as check:
            run(main, check)

        assert ["steps", "parent"] == ended

    def test_short_sleep(self):
        """
        A task that ends within the grace is no leak, and in virtual time nobody waits for it.
        """

        async def main():
            trio.lowlevel.spawn_system_task(trio.sleep, 100)

        before = time.monotonic()
        with leak_check(grace=101) as check:
            run(main, check)

        assert time.monotonic() - before < 10

    def test_long_sleep(self):
        """
        A task that does not end within the grace is a leak.
        """

        async def main():
            trio.lowlevel.spawn_system_task(trio.sleep, 100)

        with pytest.raises(LeakError), leak_check(grace=50) as check:
            run(main, check)

    def test_clock_that_stands_still(self):
        """
        A clock that never moves does not make the check hang.
        """
        with pytest.raises(LeakError), leak_check(grace=0.01) as check:
            run(leaves_a_task, check, clock=MockClock())

    def test_task_that_never_blocks(self):
        """
        A task that spins does not make the check hang.
        """

        async def spin():
            while True:
                await trio.lowlevel.checkpoint()

        async def main():
            trio.lowlevel.spawn_system_task(spin)

        with pytest.raises(LeakError), leak_check(grace=0.01) as check:
            run(main, check)


class TestWatching:
    def test_unseen_run(self):
        """
        A check that was not given to the run cannot pass.
        """
        with pytest.raises(NotWatching, match="instruments="), leak_check():
            run(leaves_nothing)

    @pytest.mark.real
    def test_run_of_another_thread(self):
        """
        A run in another thread is not the business of this check.
        """
        with leak_check() as check:
            thread = threading.Thread(target=run, args=(leaves_nothing,))
            thread.start()
            run(leaves_nothing, check)
            thread.join()

    def test_no_run(self):
        """
        Code without any run can be checked too.
        """
        with pytest.raises(LeakError) as caught, leak_check(grace=0):
            ends = os.pipe()
        for end in ends:
            os.close(end)

        assert [Kind.PIPE] == [leak.kind for leak in caught.value.leaks]

    def test_two_runs(self):
        """
        One check may watch runs one after the other.
        """
        with pytest.raises(LeakError) as caught, leak_check(grace=0) as check:
            for main in (leaves_a_task, leaves_nothing, leaves_a_task):
                run(main, check)

        assert [2] == [leak.count for leak in caught.value.leaks]

    def test_nested(self):
        """
        A leak inside of two checks is found by both.
        """
        with pytest.raises(LeakError) as outer, leak_check(grace=0) as one:
            with pytest.raises(LeakError) as inner, leak_check(grace=0) as two:
                run(leaves_a_task, one, two)

        assert inner.value.leaks == outer.value.leaks

    def test_not_inherited(self):
        """
        A leak of an earlier check is not told again by the next.
        """

        async def forgotten():
            pass

        kept = []
        with pytest.raises(LeakError), leak_check(grace=0):
            kept.append(forgotten())
        with leak_check():
            pass
        kept[0].close()

    def test_unknown_trio(self, monkeypatch):
        """
        On a trio whose insides are not known the check says so, and does not pass.
        """
        ensure_known.cache_clear()
        monkeypatch.setattr(_trio_check, "check_leaks", lambda: ("Lock._lot",))
        with pytest.raises(CannotTell, match=r"Lock\._lot"), leak_check() as check:
            run(leaves_nothing, check)
        ensure_known.cache_clear()


class TestTraces:
    def test_everything_is_taken_back(self):
        """
        After the last check all that was wrapped is as it was before.
        """

        def state():
            return (
                *(kind.__dict__.get("__init__") for kind in (trio.Lock, trio.CapacityLimiter, trio.lowlevel.Task)),
                *(kind.__dict__.get("__init__") for kind in (trio.MemorySendChannel, socket.socket, subprocess.Popen)),
                *(threading.Thread.start, _trio_compat.thread_cache().start_thread_soon, os.pipe, os.dup),
                *(sys.get_coroutine_origin_tracking_depth(), list(warnings.filters), warnings.showwarning),
                sys.get_asyncgen_hooks(),
            )

        before = state()
        with leak_check() as check:
            during = state()
            run(leaves_nothing, check)

        assert before == state()
        assert before != during

    def test_series(self):
        """
        In a series of checks the taps stay on, write for the check that is open alone, and are taken off at the end.
        """
        before, kept = trio.Lock.__init__, []

        def leaves_a_pipe():
            with pytest.raises(LeakError) as caught, leak_check():
                kept.extend(os.pipe())
            return [(leak.kind, leak.function, leak.count) for leak in caught.value.leaks]

        with held_taps():
            during = trio.Lock.__init__
            found = [leaves_a_pipe()]
            kept.extend(os.pipe())  # Between checks, and nobody's.
            found.append(leaves_a_pipe())
            with leak_check():
                pass
            assert trio.Lock.__init__ is during

        for descriptor in kept:
            os.close(descriptor)
        assert trio.Lock.__init__ is before
        assert found == [[(Kind.PIPE, "TestTraces.test_series.<locals>.leaves_a_pipe", 2)]] * 2

    def test_import_costs_nothing(self):
        """
        Who imports trio_run does not import the leak check, and who imports the leak check changes nothing.
        """
        code = (
            "import sys, trio, trio_run; assert 'trio_run.leaks' not in sys.modules; before = trio.Lock.__init__; "
            "import trio_run.leaks; assert trio.Lock.__init__ is before"
        )

        assert 0 == subprocess.run([sys.executable, "-c", code], check=False).returncode

    def test_other_warnings(self):
        """
        A warning that is no leak is given out as it would have been.
        """

        def body():
            with leak_check():
                warnings.simplefilter("always")
                warnings.warn("mind the gap", stacklevel=1)

        with pytest.warns(UserWarning, match="mind the gap"):
            body()


class TestCompat:
    async def test_all_there(self):
        """
        All that the check looks at is there in this trio.
        """
        assert () == _trio_check.check_leaks()

    async def test_missing(self, monkeypatch):
        """
        What is missing is named.
        """
        monkeypatch.delattr(trio._core._thread_cache.ThreadCache, "start_thread_soon")
        monkeypatch.delattr(trio._core._parking_lot, "GLOBAL_PARKING_LOT_BREAKER")

        assert {"ThreadCache.start_thread_soon", "GLOBAL_PARKING_LOT_BREAKER"} <= set(_trio_check.check_leaks())
