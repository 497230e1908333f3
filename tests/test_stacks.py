"""
Where tasks stand is told as it is, cheaply, and what does not move on is found.
"""

import functools
import json
import logging
import signal
import threading
import time

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

import trio_run as tr
from trio_run.events import LeakSuspected, LoopBlocked, TaskStuck
from trio_run.stacks import StuckWatch, TaskCounter, TaskState, _moves, _watch, task_dump
from trio_run.stacks._counter import Sample, rises
from trio_run.stacks._dump import stack_of


async def settle():
    """
    Let all tasks come to where they wait.
    """
    await trio.testing.wait_all_tasks_blocked()


async def dump_beside(*functions):
    """
    Take a dump while each of these functions waits in a task of its own.
    """
    async with trio.open_nursery() as nursery:
        for function in functions:
            nursery.start_soon(function)
            await settle()
        dump = task_dump()
        nursery.cancel_scope.cancel(reason="seen")
    return dump


async def wait_of(function):
    """
    What a task that runs *function* waits for, as a string.
    """
    dump = await dump_beside(function)
    name = getattr(function, "func", function).__qualname__
    (task,) = [task for task in dump.tasks if task.name.endswith(name)]
    assert task.state is TaskState.WAITING
    return task.wait


def named(dump, name):
    """
    The one task of that name.
    """
    (task,) = [task for task in dump.tasks if task.name.endswith(name)]
    return task


@pytest.mark.no_leak_check("what is waited for is kept for good")
class TestWaits:
    """
    Each primitive is known, and told with what helps to see who should have ended the wait.
    """

    async def test_event(self):
        """
        An event, and the line of the user.
        """

        async def user():
            await trio.Event().wait()

        wait = await wait_of(user)

        assert "Event.wait" == str(wait)
        assert "TestWaits.test_event.user" == wait.at.function
        assert user.__code__.co_firstlineno + 1 == wait.at.line
        assert __file__ == wait.at.file

    async def test_lock(self):
        """
        A lock, with its owner, also where it is taken by `async with`.
        """
        lock = trio.Lock()
        await lock.acquire()

        async def user():
            async with lock:
                pass

        me = trio.lowlevel.current_task().name

        assert f"Lock.acquire (held by {me}, 1 waiting)" == str(await wait_of(user))

    async def test_strict_lock(self):
        """
        A lock of another kind is a lock all the same.
        """
        lock = trio.StrictFIFOLock()
        await lock.acquire()

        assert str(await wait_of(lock.acquire)).startswith("Lock.acquire (held by ")

    async def test_channels(self):
        """
        A channel, with how full it is and who has it open.
        """
        send, receive = trio.open_memory_channel(0)
        other = receive.clone()

        async def consumer():
            async for _ in receive:
                pass

        async def producer():
            await send.send("x")

        received = await wait_of(consumer)
        sent = await wait_of(producer)
        other.close()

        assert "MemoryReceiveChannel.receive (0 of 0 buffered, 1 senders, 2 receivers)" == str(received)
        assert "MemorySendChannel.send (0 of 0 buffered, 1 senders, 2 receivers)" == str(sent)

    async def test_semaphore_and_limiter(self):
        """
        Semaphores and limiters, with how many wait.
        """
        semaphore, limiter = trio.Semaphore(0), trio.CapacityLimiter(1)
        limiter.acquire_on_behalf_of_nowait("somebody")

        assert "Semaphore.acquire (1 waiting)" == str(await wait_of(semaphore.acquire))
        assert "CapacityLimiter.acquire (1 of 1 borrowed, 1 waiting)" == str(await wait_of(limiter.acquire))

    async def test_condition(self):
        """
        A condition.
        """
        condition = trio.Condition()

        async def user():
            async with condition:
                await condition.wait()

        assert "Condition.wait" == str(await wait_of(user))

    async def test_sleep(self):
        """
        A timer, with how long it has to go; sleep without an end has none.
        """

        async def user():
            await trio.sleep(90)

        assert "sleep (90 s more)" == str(await wait_of(user))
        assert "sleep_forever" == str(await wait_of(trio.sleep_forever))

    async def test_children(self):
        """
        The end of a nursery, with how many tasks are left in it; and the start of a child.
        """

        async def parent():
            async with trio.open_nursery() as nursery:
                nursery.start_soon(trio.sleep_forever, name="a")
                nursery.start_soon(trio.sleep_forever, name="b")

        async def slow_starter(task_status):
            await trio.sleep_forever()

        async def starter():
            async with trio.open_nursery() as nursery:
                await nursery.start(slow_starter)

        assert "children (2)" == str(await wait_of(parent))
        assert "Nursery.start" == str(await wait_of(starter))

    async def test_calls_of_ours(self):
        """
        A call of trio_run is told by its own name, not by what it is made of.
        """

        async def server(*, task_status):
            task_status.started()
            await tr.wait_stopping()

        async def waiter(handle):
            await handle.wait()

        async with tr.open_pool(1) as pool, tr.open_supervisor("shop", tr.Child(server)):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(waiter, await pool.submit(trio.sleep, 1))
                await settle()
                dump = task_dump()

        assert "wait_stopping" == str(named(dump, "shop/server#1").wait)
        assert "Handle.wait" == str(named(dump, ".waiter").wait)
        assert named(dump, ".waiter").wait.at.function.endswith("waiter")

    async def test_something_unknown(self):
        """
        A wait that nobody foresaw is called by the function that waits.
        """

        async def user():
            await trio.lowlevel.wait_task_rescheduled(lambda _: trio.lowlevel.Abort.SUCCEEDED)

        wait = await wait_of(user)

        assert "wait_task_rescheduled" == str(wait)
        assert "TestWaits.test_something_unknown.user" == wait.at.function

    @pytest.mark.real
    async def test_a_thread(self):
        """
        A thread, with what runs in it.
        """
        over = threading.Event()

        def work():
            over.wait(10)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.to_thread.run_sync, work, name="user")
            await settle()
            wait = named(task_dump(), "user").wait
            over.set()

        assert "to_thread.run_sync (TestWaits.test_a_thread.<locals>.work)" == str(wait)

    @pytest.mark.real
    async def test_sockets_signals_and_processes(self):
        """
        New connections, signals and processes are told by the call that the user made.
        """
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")

        async def accept():
            await listeners[0].accept()

        async def hear():
            with trio.open_signal_receiver(signal.SIGUSR2) as signals:
                async for _ in signals:
                    pass

        process = await trio.lowlevel.open_process(["sleep", "60"])
        dump = await dump_beside(accept, hear, process.wait)
        process.kill()
        await process.wait()
        await listeners[0].aclose()

        assert "SocketListener.accept" == named(dump, ".accept").wait.primitive
        assert named(dump, ".accept").wait.detail.startswith("file descriptor ")
        assert "SignalReceiver" == named(dump, ".hear").wait.primitive
        assert "Process.wait" == named(dump, "Process.wait").wait.primitive
        assert named(dump, "Process.wait").wait.detail.startswith("process ")


async def inner(event):
    """
    Wait, one call down.
    """
    await event.wait()


async def outer(event):
    """
    Wait, two calls down.
    """
    await inner(event)


class TestTaskDump:
    async def test_every_task_is_in_it(self):
        """
        Parents come before children, siblings in the order of their start, and trio's own tasks are there too.
        """

        async def parent():
            async with trio.open_nursery() as nursery:
                for name in ("c", "b", "a"):
                    nursery.start_soon(trio.sleep_forever, name=name)

        dump = await dump_beside(parent)
        names = [task.name for task in dump.tasks]
        above = named(dump, ".parent")

        assert "<init>" == names[0]
        assert -1 == dump.tasks[0].parent
        assert ["c", "b", "a"] == [name for name in names if len(name) == 1]
        assert all(task.parent < index for index, task in enumerate(dump.tasks))
        assert all(above is dump.tasks[named(dump, name).parent] for name in ("a", "b", "c"))
        assert all(task.depth == dump.tasks[task.parent].depth + 1 for task in dump.tasks[1:])
        assert len({task.number for task in dump.tasks}) == len(dump.tasks)

    async def test_stack(self):
        """
        A stack has the lines outside of trio, outermost first.
        """
        dump = await dump_beside(functools.partial(outer, trio.Event()))
        functions = [frame.function for frame in named(dump, ".outer").stack]

        assert ["outer", "inner"] == functions

    async def test_states(self):
        """
        Running, about to run, or waiting; and whether it was cancelled.
        """
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever, name="waiting")
            await settle()
            nursery.start_soon(trio.sleep_forever, name="new")
            dump = task_dump()
            nursery.cancel_scope.cancel(reason="to see")
            after = task_dump()
        me = dump.tasks[named(dump, "new").parent]

        assert (TaskState.RUNNING, None) == (me.state, me.wait)
        assert (TaskState.RUNNABLE, None) == (named(dump, "new").state, named(dump, "new").wait)
        assert TaskState.WAITING is named(dump, "waiting").state
        assert (False, True) == (named(dump, "waiting").cancelled, named(after, "waiting").cancelled)

    async def test_the_live_stack_of_the_task_that_runs(self):
        """
        The task that took the dump is shown down to where it took it.
        """

        def take():
            return task_dump()

        async def user():
            return take()

        dump = await user()
        (running,) = [task for task in dump.tasks if task.state is TaskState.RUNNING]
        functions = [frame.function.rpartition(".")[2] for frame in running.stack]

        assert ["user", "take"] == functions[-2:]

    @pytest.mark.real
    async def test_from_a_signal_handler(self):
        """
        A task that hogs the loop is shown, at the line that hogs, by a dump that a signal asks for.
        """
        dumps = []
        old = signal.signal(signal.SIGUSR1, lambda *_: dumps.append(task_dump()))

        def hog():
            signal.raise_signal(signal.SIGUSR1)

        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(trio.lowlevel.checkpoint)
                hog()
        finally:
            signal.signal(signal.SIGUSR1, old)
        (running,) = [task for task in dumps[0].tasks if task.state is TaskState.RUNNING]

        assert "hog" in [frame.function.rpartition(".")[2] for frame in running.stack]

    def test_outside_of_a_run(self):
        """
        Without a run there is nothing to show, and that is said.
        """
        with pytest.raises(RuntimeError, match="must be called from async context"):
            task_dump()

    async def test_stack_of(self):
        """
        The stack of one task can be had alone.
        """
        async with trio.open_nursery() as nursery:
            nursery.start_soon(outer, trio.Event())
            await settle()
            (task,) = nursery.child_tasks
            found = [frame.function for frame in stack_of(task)]
            nursery.cancel_scope.cancel(reason="seen")

        assert ["outer", "inner"] == found


class TestOlderThan:
    """
    A dump of what has not moved for long.
    """

    async def test_tasks_that_have_not_moved(self, wall):
        """
        Only they are in it, with their ancestors, and for how long they have stood there.
        """
        looks, events = Looks(wall), [trio.Event(), trio.Event()]

        async def waits(event):
            await event.wait()
            await trio.Event().wait()

        async with trio.open_nursery() as nursery:
            for name, event in zip(("moves", "stands"), events, strict=True):
                nursery.start_soon(waits, event, name=name)
            _moves.keep(looks.watching.moves)
            await looks.look()
            events[0].set()
            await looks.look(3)
            found = task_dump(older_than=40)
            everyone = task_dump()
            nursery.cancel_scope.cancel(reason="seen")

        assert "stands" in [task.name for task in found.tasks]
        assert "moves" not in [task.name for task in found.tasks]
        assert 40 == named(found, "stands").idle
        assert 30 == named(everyone, "moves").idle
        assert all(task.parent < index for index, task in enumerate(found.tasks))
        assert "stands: waits for Event.wait for 40 s" in str(found)

    async def test_nobody_knows(self):
        """
        Without a watch nobody knows since when, so it is refused rather than guessed; after one, too.
        """
        async with StuckWatch():
            assert () == task_dump(older_than=1000).tasks

        with pytest.raises(RuntimeError, match="StuckWatch"):
            task_dump(older_than=1000)
        assert {None} == {task.idle for task in task_dump().tasks}

    @pytest.mark.parametrize("seconds", [-1, float("nan")])
    async def test_nonsense(self, seconds):
        """
        A number of seconds that cannot be is refused.
        """
        with pytest.raises(ValueError, match="older_than is a number of seconds"):
            task_dump(older_than=seconds)


@pytest.mark.no_leak_check("what is waited for is kept for good")
class TestForms:
    """
    Text, data and folded stacks of the same tasks.
    """

    @pytest.fixture
    async def dump(self):
        """
        Three tasks at one place, two at another.
        """
        event, lock = trio.Event(), trio.Lock()
        await lock.acquire()

        async def parent():
            async with trio.open_nursery() as nursery:
                for _ in range(3):
                    nursery.start_soon(outer, event, name="waiter")
                for seconds in (5, 6):
                    nursery.start_soon(trio.sleep, seconds, name="sleeper")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(parent, name="parent")
            nursery.start_soon(lock.acquire, name="locked")
            await settle()
            dump = task_dump()
            nursery.cancel_scope.cancel(reason="seen")
        return dump

    async def test_text(self, dump):
        """
        Equal siblings are one line with their number; what they wait for is told whole where it is the same for all.
        """
        lines = str(dump).splitlines()
        at = next(number for number, line in enumerate(lines) if line.strip().startswith("parent"))
        indent = lines[at][: -len(lines[at].lstrip())]

        assert f"{len(dump.tasks)} tasks at 0.000 s" == lines[0]
        assert f"{indent}parent: waits for children (5)" == lines[at]
        assert f"{indent}  waiter × 3: waits for Event.wait" == lines[at + 2]  # noqa: RUF001
        assert lines[at + 3].startswith(f"{indent}      tests/test_stacks.py:")
        assert lines[at + 3].endswith(" outer")
        assert lines[at + 4].endswith(" inner")
        assert f"{indent}  sleeper × 2: waits for sleep" == lines[at + 5]  # noqa: RUF001
        assert f"{indent}locked: waits for Lock.acquire (held by " in lines[at + 6]

    async def test_parents_are_not_one_line(self):
        """
        Each task that has children is shown above its own.
        """

        async def parent(name):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(trio.sleep_forever, name=name)

        async with trio.open_nursery() as nursery:
            for name in ("left", "right"):
                nursery.start_soon(parent, name, name="parent")
            await settle()
            lines = [line.strip() for line in str(task_dump()).splitlines()]
            nursery.cancel_scope.cancel(reason="seen")
        tree = [line.partition(":")[0] for line in lines if line.startswith(("parent", "left", "right"))]

        assert tree in (["parent", "left", "parent", "right"], ["parent", "right", "parent", "left"])

    async def test_groups(self, dump):
        """
        Every task is counted in one group, and the largest comes first.
        """
        first, second, *others = dump.groups()

        assert (3, "Event.wait", ("waiter",)) == (first.count, first.doing, first.names)
        assert ["outer", "inner"] == [frame.function for frame in first.stack]
        assert (2, "sleep", ("sleeper",)) == (second.count, second.doing, second.names)
        assert len(dump.tasks) == sum(group.count for group in (first, second, *others))

    async def test_data(self, dump):
        """
        The data survives a trip through JSON, and has each task with everything that is known of it.
        """
        data = json.loads(json.dumps(dump.data()))
        locked = next(task for task in data["tasks"] if task["name"] == "locked")
        waiter = next(task for task in data["tasks"] if task["name"] == "waiter")

        assert {"time", "tasks"} == set(data)
        assert len(dump.tasks) == len(data["tasks"])
        assert ("waiting", False) == (waiter["state"], waiter["cancelled"])
        assert "inner" == waiter["wait"]["at"]["function"] == waiter["stack"][-1]["function"]
        assert __file__ == waiter["stack"][0]["file"]
        assert "Lock.acquire" == locked["wait"]["primitive"]
        assert locked["wait"]["detail"].startswith("held by ")
        assert "parent" == data["tasks"][waiter["parent"]]["name"]

    async def test_folded(self, dump):
        """
        A line for each stack, below those of its ancestors, with how many tasks are there.
        """
        lines = dump.folded().splitlines()
        (waiters,) = [line for line in lines if ";waiter;" in line]
        (sleepers,) = [line for line in lines if ";sleeper;" in line]
        path, _, count = waiters.rpartition(" ")

        assert "3" == count
        assert path.startswith("<init>;")
        assert path.endswith(";Event.wait")
        assert ";parent;" in path
        assert sleepers.endswith(";sleep 2")
        assert len(dump.tasks) == sum(int(line.rpartition(" ")[2]) for line in lines)

    async def test_folded_names(self):
        """
        A name cannot break a line in two, or a stack.
        """
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever, name="a;b\nc 7")
            await settle()
            lines = task_dump().folded().splitlines()
            nursery.cancel_scope.cancel(reason="seen")

        assert 1 == sum(line.endswith(";a,b c 7;sleep_forever 1") for line in lines)


class Wall:
    """
    A clock on the wall that is moved by hand.
    """

    def __init__(self):
        self.now = 1000.0
        self.worked = 0.0

    def monotonic(self):
        """
        As in `time`.
        """
        return self.now

    perf_counter = monotonic

    def process_time(self):
        """
        As in `time`.
        """
        return self.worked


@pytest.fixture
def wall(monkeypatch):
    """
    The time that a watch sees.
    """
    wall = Wall()
    monkeypatch.setattr(_watch, "time", wall)
    monkeypatch.setattr(_moves, "time", wall)
    return wall


class Looks:
    """
    A watch without its thread, which looks when it is told to, and 10 seconds after it looked last.
    """

    def __init__(self, wall, *ignore):
        self.wall = wall
        self.told = []
        with tr.use_sinks(self.told.append):
            self.watching = _watch._Watching(30, 1, ignore)

    async def look(self, times=1):
        """
        Look, and return what was told of.
        """
        await settle()
        del self.told[:]
        for _ in range(times):
            self.watching.look_at_tasks()
            self.wall.now += 10
        return self.told


class TestStuckTasks:
    async def test_a_task_that_does_not_move_on(self, wall):
        """
        A task that waits in one place is reported once it has done so for as long as was said, with its stack.
        """
        looks = Looks(wall)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(outer, trio.Event(), name="shop/mailer#1")
            before = list(await looks.look(3))
            (told,) = await looks.look()
            nursery.cancel_scope.cancel(reason="seen")

        assert [] == before
        assert TaskStuck is type(told)
        assert ("shop/mailer#1", 1, 30, "Event.wait") == (told.path, told.tasks, told.seconds, told.waits_for)
        assert ["outer", "inner"] == [line.rpartition(" ")[2] for line in told.stack]

    async def test_a_task_that_moves(self, wall):
        """
        A task that waits again and again at one place is not stuck there.
        """
        looks = Looks(wall)
        send, receive = trio.open_memory_channel(0)

        async def consume():
            async for _ in receive:
                pass

        found = []
        async with trio.open_nursery() as nursery:
            nursery.start_soon(consume)
            for _ in range(10):
                found += await looks.look()
                await send.send("x")
            send.close()

        assert [] == found

    async def test_each_place_is_reported_once(self, wall):
        """
        A place is told of again only when twice as many tasks are stuck there, and when it was free in between.
        """
        looks = Looks(wall)
        event = trio.Event()
        counts = []

        async def add(number):
            for _ in range(number):
                nursery.start_soon(outer, event)
            counts.append([told.tasks for told in await looks.look(8)])

        async with trio.open_nursery() as nursery:
            for number in (2, 1, 1, 3):
                await add(number)
            event.set()
            await looks.look()
            event = trio.Event()
            await add(1)
            nursery.cancel_scope.cancel(reason="seen")

        assert [[2], [], [4], [], [1]] == counts

    @pytest.mark.parametrize(
        "function",
        [trio.sleep_forever, functools.partial(trio.sleep, 1e6), functools.partial(trio.lowlevel.checkpoint)],
    )
    async def test_what_may_last(self, wall, function):
        """
        Nobody wonders at timers and at sleep without an end.
        """
        looks = Looks(wall)

        async def user():
            await function()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(user)
            found = await looks.look(8)
            nursery.cancel_scope.cancel(reason="seen")

        assert [] == found

    async def test_what_is_idle_in_this_package_may_last(self, wall):
        """
        Supervisors and their like wait for days, and are not stuck.
        """
        looks = Looks(wall)
        async with tr.open_supervisor("idle"):
            found = await looks.look(8)

        assert [] == found

    @pytest.mark.parametrize("pattern", ["shop/mail*", "Event.*", "inner"])
    async def test_ignore(self, wall, pattern):
        """
        A task is passed over by its name, by its primitive, or by a function it is in.
        """
        looks = Looks(wall, pattern)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(outer, trio.Event(), name="shop/mailer")
            found = await looks.look(8)
            nursery.cancel_scope.cancel(reason="seen")

        assert [] == found


class Ticks:
    """
    An event that is never set, but after some waits; each of them lasts as long as was planned.
    """

    def __init__(self, wall, plan):
        self.wall = wall
        self.plan = iter(plan)

    def wait(self, seconds):
        """
        Wait for some seconds, or for more; the plan says how much more, and how much the process worked meanwhile.
        """
        late, worked = next(self.plan, (None, None))
        if late is None:
            return True
        self.wall.now += seconds + late
        self.wall.worked += worked
        return False


class TestBlockedLoop:
    async def blocked(self, wall, plan, caplog):
        """
        What a watch logs of a loop that is in one turn while *plan* goes on.
        """
        watching = _watch._Watching(30, 1, ())
        watching.over = Ticks(wall, plan)
        watching.turns.after_io_wait(0)
        sentry = _watch._Sentry(watching, trio.lowlevel.current_trio_token(), trio.lowlevel.current_task)
        sentry.run()
        watching.over = threading.Event()
        return [record for record in caplog.records if record.name == "trio_run"]

    async def test_is_told_at_once(self, wall, caplog):
        """
        A turn that takes too long is told while it lasts, once, with the task and its stack.
        """
        (told,) = await self.blocked(wall, [(0, 0)] * 10, caplog)

        assert logging.WARNING == told.levelno
        assert f"loop.blocked {trio.lowlevel.current_task().name} for 1 s so far" in told.getMessage()
        assert "TestBlockedLoop.blocked" in told.getMessage()

    async def test_a_short_turn(self, wall, caplog):
        """
        A turn that is over in time is nothing.
        """
        assert [] == await self.blocked(wall, [(0, 0)] * 3, caplog)

    async def test_a_turn_that_ends_meanwhile(self, wall, caplog):
        """
        If the loop goes on while it is looked at, what was seen is not told: it may be of the next turn.
        """
        watching = _watch._Watching(30, 1, ())
        watching.turns.after_io_wait(0)
        wall.now += 5
        sentry = _watch._Sentry(watching, trio.lowlevel.current_trio_token(), lambda: watching.turns.before_io_wait(0))
        sentry.look_at_loop(wall.now)

        assert [] == caplog.records

    async def test_a_process_that_was_stopped_was_not_blocked(self, wall, caplog):
        """
        If nobody at all got to run, nobody hogged.
        """
        assert [] == await self.blocked(wall, [(0, 0), (500, 0.001), (0, 0)], caplog)

    async def test_a_process_that_worked_was_blocked(self, wall, caplog):
        """
        If the thread was late because somebody would not let go of the interpreter, somebody hogged.
        """
        assert 1 == len(await self.blocked(wall, [(0, 0), (500, 499)], caplog))


class Teller(logging.Handler):
    """
    Lets somebody go on at the first thing logged.
    """

    def __init__(self):
        super().__init__()
        self.told = threading.Event()

    def emit(self, record):
        """
        As in `logging`.
        """
        if record.getMessage().startswith("loop.blocked"):
            self.told.set()


@pytest.mark.real
class TestStuckWatch:
    async def test_stuck(self):
        """
        Around a program, it finds a task that does not move on.
        """
        seen = trio.Event()
        told = []

        def sink(event):
            told.append(event)
            if event.path == "mailer":
                seen.set()

        with tr.use_sinks(sink), trio.fail_after(10):
            async with StuckWatch(after=0.02, ignore=["*test_stuck*"]), trio.open_nursery() as nursery:
                nursery.start_soon(outer, trio.Event(), name="mailer")
                await seen.wait()
                nursery.cancel_scope.cancel(reason="seen")

        assert [TaskStuck] == [type(event) for event in told]
        assert told[0].seconds >= 0.02

    async def test_blocked(self):
        """
        A loop that is kept from its turn is told of meanwhile by `logging`, and as an event when it goes on.
        """
        seen = trio.Event()
        told = []
        teller = Teller()
        logging.getLogger("trio_run").addHandler(teller)

        def sink(event):
            told.append(event)
            seen.set()

        def hog():
            assert teller.told.wait(10)

        try:
            with tr.use_sinks(sink), trio.fail_after(10):
                async with StuckWatch(after=100, loop_after=0.02):
                    hog()
                    await seen.wait()
        finally:
            logging.getLogger("trio_run").removeHandler(teller)
        (event,) = told

        assert LoopBlocked is type(event)
        assert trio.lowlevel.current_task().name == event.path
        assert event.seconds >= 0.02
        assert any(line.endswith("test_blocked.hog") for line in event.stack)

    async def test_leaves_nothing_behind(self):
        """
        After the block its thread and its instrument are gone, also when the block is cancelled or raises.
        """
        before = threading.active_count()
        with pytest.raises(KeyError):
            async with StuckWatch():
                raise KeyError
        with trio.CancelScope() as scope:
            async with StuckWatch() as watch:
                turns = watch._watching.turns
                during = threading.active_count()
                scope.cancel(reason="from outside")
                await trio.lowlevel.checkpoint()

        assert before + 1 == during
        assert before == threading.active_count()
        with pytest.raises(KeyError):
            trio.lowlevel.remove_instrument(turns)

    async def test_as_a_child(self):
        """
        It can be a child of a supervisor, which stops it.
        """
        before = threading.active_count()
        async with tr.open_supervisor("ops") as ops:
            await ops.start(tr.Child(StuckWatch(after=60), name="watch"))
            await settle()
            during = threading.active_count()

        assert before + 1 == during
        assert before == threading.active_count()

    async def test_a_blocked_loop_is_cancelled(self):
        """
        As a runner it ends when it is cancelled.
        """
        async with trio.open_nursery() as nursery:
            nursery.start_soon(StuckWatch().run)
            await settle()
            nursery.cancel_scope.cancel(reason="enough")

    async def test_twice(self):
        """
        One watch is for one block at a time.
        """
        watch = StuckWatch()
        async with watch:
            with pytest.raises(RuntimeError, match="in use already"):
                async with watch:
                    pass
        async with watch:
            pass

    @pytest.mark.parametrize("keywords", [{"after": 0}, {"loop_after": -1}, {"after": float("nan")}])
    def test_nonsense(self, keywords):
        """
        Seconds are positive.
        """
        with pytest.raises(ValueError, match="has to be a positive number of seconds"):
            StuckWatch(**keywords)

    def test_one_pattern(self):
        """
        A string would be taken for as many patterns as it has letters.
        """
        with pytest.raises(TypeError, match=r"write \['mail\*'\]"):
            StuckWatch(ignore="mail*")


def told_of(counts, rates=None):
    """
    Whether these samples look like a leak.
    """
    rates = rates or [1.0] * len(counts)
    return rises([Sample(count, rate) for count, rate in zip(counts, rates, strict=True)])


class TestRises:
    def test_a_steady_rise(self):
        """
        More and more tasks, with no more started than before.
        """
        assert told_of(range(100, 200, 10))

    def test_a_rise_with_noise(self):
        """
        A rise is steady also if it goes back a little now and then.
        """
        assert told_of([100, 112, 109, 124, 131, 128, 142, 150, 161, 159])

    def test_no_echo_of_the_load(self):
        """
        More tasks because more are started is no leak.
        """
        assert not told_of(range(100, 200, 10), [1 + 0.1 * number for number in range(10)])

    def test_one_leap(self):
        """
        A number that falls and falls, and then leaps, does not rise steadily.
        """
        assert not told_of([90, 80, 70, 60, 50, 40, 30, 20, 10, 200])

    def test_levels_off(self):
        """
        A service that fills up after its start comes to rest.
        """
        assert not told_of([0, 50, 75, 87, 93, 96, 98, 99, 100, 101])

    @given(st.lists(st.integers(0, 1000), min_size=10, max_size=10))
    def test_no_rise_without_growth(self, counts):
        """
        Whatever happened in between, who ends with no more tasks than it began with does not leak.
        """
        counts[-1] = min(counts[-1], counts[0] + 9)

        assert not told_of(counts)

    @given(st.integers(0, 1000), st.integers(1, 50))
    def test_a_straight_line(self, first, step):
        """
        A straight line is a leak if it comes to ten tasks and to a quarter of what was there.
        """
        counts = [first + step * number for number in range(12)]

        assert told_of(counts) == (11 * step >= max(10, first / 4))


class TestTaskCounter:
    @staticmethod
    async def leak(nursery, minutes, leaked):
        """
        Start ten jobs a minute, of which some do not end.
        """

        async def job(number):
            if number < leaked:
                await trio.Event().wait()
            await trio.sleep(1)

        for _ in range(minutes):
            for number in range(10):
                nursery.start_soon(job, number)
            await trio.sleep(60)

    @pytest.mark.parametrize(("minutes", "leaked", "reports"), [(60, 0, 0), (9, 2, 0), (60, 2, 3), (60, 10, 3)])
    async def test_leak(self, minutes, leaked, reports):
        """
        Jobs that pile up under a steady load are reported, and again whenever there are twice as many.
        """
        told = []
        with tr.use_sinks(told.append), TaskCounter(every=60):
            async with trio.open_nursery() as nursery:
                await self.leak(nursery, minutes, leaked)
                nursery.cancel_scope.cancel(reason="enough")

        assert reports == len(told)
        for event in told:
            assert LeakSuspected is type(event)
            assert trio.lowlevel.current_task().name == event.path
            assert event.function.endswith("leak.<locals>.job")
            assert event.tasks >= event.before + 10
            assert 10 / 60 == pytest.approx(event.rate, rel=0.2)

    async def test_counts(self):
        """
        Tasks are counted by parent and function, those from before as well, and not after they ended.
        """
        me = trio.lowlevel.current_task().name

        def mine():
            return {owner.function: count for owner, count in counter.counts().items() if owner.path == me}

        async with trio.open_nursery() as nursery:
            event = trio.Event()
            nursery.start_soon(outer, event)
            with TaskCounter() as counter:
                before = mine()
                nursery.start_soon(outer, event)
                nursery.start_soon(trio.sleep_forever)
                during = mine()
                event.set()
                await settle()
                after = mine()
            nursery.cancel_scope.cancel(reason="seen")

        assert [{"outer": 1}, {"outer": 2, "sleep_forever": 1}, {"sleep_forever": 1}] == [before, during, after]

    async def test_lives_are_one_owner(self):
        """
        The lives of a child are one owner, by the path of the child.
        """

        async def parent():
            async with trio.open_nursery() as nursery:
                nursery.start_soon(trio.sleep_forever)

        with TaskCounter() as counter:
            async with trio.open_nursery() as nursery:
                for life in (1, 2):
                    nursery.start_soon(parent, name=f"shop/web#{life}")
                await settle()
                found = {str(owner): count for owner, count in counter.counts().items() if owner.path == "shop/web"}
                nursery.cancel_scope.cancel(reason="seen")

        assert {"shop/web: sleep_forever": 2} == found

    async def test_owners_are_forgotten(self):
        """
        Of an owner that starts nothing any more, and has nothing left, nothing is kept.
        """

        async def parent():
            async with trio.open_nursery() as nursery:
                nursery.start_soon(trio.lowlevel.checkpoint)

        with TaskCounter(every=60) as counter:
            async with trio.open_nursery() as nursery:
                for number in range(100):
                    nursery.start_soon(parent, name=f"connection {number}")
                    await trio.sleep(60)

        assert len(counter._tallies) < 10

    async def test_leaves_nothing_behind(self):
        """
        After the block nothing is counted any more.
        """
        with TaskCounter() as counter:
            pass

        with pytest.raises(KeyError):
            trio.lowlevel.remove_instrument(counter)

    @pytest.mark.parametrize("keywords", [{"every": 0}, {"every": -1}, {"samples": 5}])
    def test_nonsense(self, keywords):
        """
        Without time, or with too few samples, nothing can be told.
        """
        with pytest.raises(ValueError, match=r"positive number of seconds|6 samples or more"):
            TaskCounter(**keywords)


class TestCost:
    async def test_many_tasks(self):
        """
        A dump of ten thousand tasks is a matter of a fraction of a second, and groups them into one line.
        """
        event = trio.Event()
        async with trio.open_nursery() as nursery:
            for _ in range(10_000):
                nursery.start_soon(outer, event)
            await settle()
            began = time.perf_counter()
            dump = task_dump()
            seconds = time.perf_counter() - began
            nursery.cancel_scope.cancel(reason="seen")

        assert seconds < 2
        assert " × 10000: waits for Event.wait" in str(dump)  # noqa: RUF001
        assert len(str(dump).splitlines()) < 50
