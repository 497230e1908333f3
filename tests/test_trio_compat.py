"""
What this package takes to be inside of trio is there, and where it is not that is said.
"""

import math
import os
import re
import threading
from pathlib import Path

import pytest
import trio

from trio_run import _trio_check
from trio_run import _trio_compat as compat

PACKAGE = Path(compat.__file__).parent


def raise_nothing():
    """
    Nothing.
    """


class TestCheck:
    def test_outside_of_a_run(self):
        """
        This trio is as it should be.
        """
        _trio_check.check()

    async def test_inside_of_a_run(self):
        """
        So it is when looked at from a task.
        """
        _trio_check.check()

    @pytest.mark.parametrize(
        ("owner", "name", "told"),
        [
            (trio._core._run, "_r", "_r"),
            (trio._core._run, "GLOBAL_RUN_CONTEXT", "GLOBAL_RUN_CONTEXT"),
            (trio._core._run, "CancelStatus", "CancelStatus._parent, CancelStatus._scope"),
            (trio._core._thread_cache, "THREAD_CACHE", "THREAD_CACHE._idle_workers"),
        ],
    )
    def test_a_name_that_is_missing_is_told(self, monkeypatch, owner, name, told):
        """
        What is missing is named, with the version of trio.
        """
        monkeypatch.delattr(owner, name)

        with pytest.raises(RuntimeError) as caught:
            _trio_check.check()

        assert str(caught.value).startswith(f"trio {trio.__version__} has no {told}")

    def test_a_field_that_is_missing_is_told(self, monkeypatch):
        """
        A class that lost one of its fields is not taken for what it was.
        """
        monkeypatch.setitem(_trio_check._PLACES, "Task", ("_counter", "_future"))

        with pytest.raises(RuntimeError, match=r"has no Task\._future, so"):
            _trio_check.check()

    def test_nobody_else_looks_inside_of_trio(self):
        """
        A private name of trio stands in this one file only.
        """
        private = re.compile(r"\btrio\.(\w+\.)*_[a-z]\w*|from trio(\.\w+)*\._")
        found = [
            f"{path.relative_to(PACKAGE)}:{number}"
            for path in PACKAGE.rglob("*.py")
            if path.name != "_trio_compat.py"
            for number, line in enumerate(path.read_text().splitlines(), 1)
            if private.search(line)
        ]

        assert [] == found


class TestWhoseTaskItIs:
    @pytest.mark.no_leak_check("it counts the tasks, and the check has one")
    def test_trios_own(self):
        """
        Trio's own tasks are known, and a task that is named in the same way is not taken for one.
        """
        found = {}

        async def child():
            root = trio.lowlevel.current_root_task()
            tasks = {each for nursery in root.child_nurseries for each in nursery.child_tasks} | {root}
            tasks.add(trio.lowlevel.current_task())
            found.update({task.name: compat.is_trios_own(task) for task in tasks})

        async def main():
            async with trio.open_nursery() as nursery:
                nursery.start_soon(child, name="<test 'child'>")

        trio.run(main, clock=trio.testing.MockClock())
        main_name = next(name for name in found if not name.startswith("<"))

        assert {
            "<init>": True,
            "<TrioToken.run_sync_soon task>": True,
            "<test 'child'>": False,
            main_name: False,
        } == found

    def test_ended(self):
        """
        A task that ended is still told from trio's own.
        """
        kept = []

        async def child():
            kept.append(trio.lowlevel.current_task())

        async def main():
            async with trio.open_nursery() as nursery:
                nursery.start_soon(child, name="<fixture 'child'>")

        trio.run(main, clock=trio.testing.MockClock())

        assert not compat.is_trios_own(kept[0])


class TestTheLoop:
    async def test_stopwatch_of_another_clock(self):
        """
        The quickest way to tell time follows virtual time.
        """
        now = compat.stopwatch()
        before = now()
        await trio.sleep(3)

        assert now() - before == 3

    @pytest.mark.real
    def test_stopwatch_of_trios_clock(self):
        """
        On trio's own clock it goes as fast as that one.
        """

        async def main():
            now = compat.stopwatch()
            least, most = -math.inf, math.inf
            for _ in range(1000):
                before, at, after = now(), trio.current_time(), now()
                least, most = max(least, at - after), min(most, at - before)
                await trio.lowlevel.checkpoint()
            return least, most

        least, most = trio.run(main)
        assert least <= most, "what is between the two is the same each time"

    async def test_someone_waits_for_idle(self):
        """
        A task that waits until all are blocked is known, and forgotten once it goes on.
        """
        seen = []

        async def look():
            seen.append(compat.someone_waits_for_idle())

        async with trio.open_nursery() as nursery:
            nursery.start_soon(look)
            await trio.testing.wait_all_tasks_blocked()
            seen.append(compat.someone_waits_for_idle())

        assert [True, False] == seen

    @pytest.mark.no_leak_check("a system task outlives the main one")
    def test_main_task(self):
        """
        It is the one that `trio.run` was asked for, and nobody once it ended.
        """
        seen = []

        async def system():
            try:
                await trio.sleep_forever()
            finally:
                seen.append(compat.main_task())

        async def main():
            trio.lowlevel.spawn_system_task(system)
            await trio.lowlevel.checkpoint()
            seen.append(compat.main_task() is trio.lowlevel.current_task())

        trio.run(main, clock=trio.testing.MockClock())

        assert [True, None] == seen

    async def test_is_guest(self):
        """
        An ordinary run is nobody's guest.
        """
        assert not compat.is_guest()

    async def test_running_task(self):
        """
        Another thread can see which task is at a step.
        """
        running = compat.running_task()
        seen = []
        thread = threading.Thread(target=lambda: seen.append(running()))
        thread.start()
        thread.join()

        assert [trio.lowlevel.current_task()] == seen


@pytest.mark.real
class TestIO:
    async def test_waited_descriptors(self):
        """
        The file descriptors that tasks wait for are told, without trio's own.
        """
        one, other = os.pipe()
        seen = [compat.waited_descriptors()]
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.lowlevel.wait_readable, one)
            await trio.testing.wait_all_tasks_blocked()
            seen.append(compat.waited_descriptors())
            nursery.cancel_scope.cancel(reason="seen")
        seen.append(compat.waited_descriptors())
        os.close(one)
        os.close(other)

        assert [(), (one,), ()] == seen

    async def test_io_is_ready(self):
        """
        What can be read, and a callback from anywhere, is seen before the loop has seen it.
        """
        one, other = os.pipe()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.lowlevel.wait_readable, one)
            await trio.testing.wait_all_tasks_blocked()
            seen = [compat.io_is_ready()]
            os.write(other, b"x")
            seen.append(compat.io_is_ready())
        seen.append(compat.io_is_ready())
        trio.lowlevel.current_trio_token().run_sync_soon(raise_nothing)
        seen.append(compat.io_is_ready())
        os.close(one)
        os.close(other)

        assert [False, True, False, True] == seen

    async def test_idle_threads(self):
        """
        A thread is idle before and after its work, not during it.
        """
        during = await trio.to_thread.run_sync(lambda: threading.current_thread() in compat.idle_threads())
        thread = await trio.to_thread.run_sync(threading.current_thread)

        assert not during
        assert isinstance(thread, threading.Thread)
        assert all(isinstance(each, threading.Thread) for each in compat.idle_threads())


class TestTasks:
    async def test_steps_of(self):
        """
        Each checkpoint is a step, and waiting for long is none.
        """
        task = trio.lowlevel.current_task()
        before = compat.steps_of(task)
        await trio.lowlevel.checkpoint()
        between = compat.steps_of(task)
        await trio.lowlevel.cancel_shielded_checkpoint()

        assert before < between
        assert between + 1 == compat.steps_of(task)

    async def test_is_cancelled(self):
        """
        A task is cancelled when a scope around it is, unless it is shielded.
        """
        task = trio.lowlevel.current_task()
        seen = [compat.is_cancelled(task)]
        with trio.CancelScope() as scope:
            scope.cancel(reason="to see")
            seen.append(compat.is_cancelled(task))
            with trio.CancelScope(shield=True):
                seen.append(compat.is_cancelled(task))

        assert [False, True, False] == seen

    async def test_is_scheduled(self):
        """
        A task is scheduled until it waits.
        """
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever)
            (task,) = nursery.child_tasks
            seen = [compat.is_scheduled(task)]
            await trio.testing.wait_all_tasks_blocked()
            seen.append(compat.is_scheduled(task))
            nursery.cancel_scope.cancel(reason="seen")
            seen.append(compat.is_scheduled(task))

        assert [True, False, True] == seen

    async def test_interrupt(self):
        """
        An error is thrown into a wait, shielded or not, and into a task that is about to run.
        """
        caught = []

        async def wait(function):
            try:
                with trio.CancelScope(shield=True):
                    await function()
            except KeyError as error:
                caught.append(error)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait, trio.sleep_forever)
            await trio.testing.wait_all_tasks_blocked()
            (blocked,) = nursery.child_tasks
            compat.interrupt(blocked, first := KeyError("waits"))
            await trio.testing.wait_all_tasks_blocked()
            nursery.start_soon(wait, trio.sleep_forever)
            await trio.testing.wait_all_tasks_blocked()
            (about,) = nursery.child_tasks
            trio.lowlevel.reschedule(about)
            compat.interrupt(about, second := KeyError("runs"))

        assert [first, second] == caught

    async def test_task_number(self):
        """
        Each task has a larger number than the one before.
        """
        async with trio.open_nursery() as nursery:
            for name in ("a", "b", "c"):
                nursery.start_soon(trio.lowlevel.checkpoint, name=name)
            found = sorted(nursery.child_tasks, key=compat.task_number)

        assert ["a", "b", "c"] == [task.name for task in found]
