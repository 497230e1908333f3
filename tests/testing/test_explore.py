"""
The explorer finds planted races, says what it ran, and makes the same run again.
"""

import contextlib
import functools
import importlib.util
import json
import math
import os
import random
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import trio
import trio.testing
from trio.lowlevel import checkpoint

from trio_run import _trio_compat as compat
from trio_run.errors import InternalError
from trio_run.testing import Deadlock, Livelock, QuietClock, _explore_course, explore, replay, sometimes
from trio_run.testing._explore_batches import run_by_batches
from trio_run.testing._explore_by_place import Seen
from trio_run.testing._explore_choosers import ByChance, Told
from trio_run.testing._explore_coroutines import run_by_coroutines
from trio_run.testing._explore_engine import ENGINE, choose_engine, works
from trio_run.testing._explore_run import Rules, run_once
from trio_run.testing._explore_steering import Steering
from trio_run.testing._explore_steps import Failure
from trio_run.testing._explore_token import Model, Token

RACES = sorted((Path(__file__).parent.parent / "planted" / "races").glob("*.py"))
ENGINES = [run_by_batches, run_by_coroutines]


def load(path):
    """
    The module at *path*, with a broken program and the same one mended.
    """
    spec = importlib.util.spec_from_file_location(f"planted_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def settings(module):
    """
    How a planted race is explored.
    """
    return {"slack": getattr(module, "SLACK", 0.0), "max_steps": getattr(module, "MAX_STEPS", 100_000)}


def stem(value):
    return value.stem if isinstance(value, Path) else None


async def lost_update():
    numbers = [0]

    async def add():
        number = numbers[0]
        await checkpoint()
        numbers[0] = number + 1

    async with trio.open_nursery() as nursery:
        nursery.start_soon(add)
        nursery.start_soon(add)
    assert numbers == [2]


class Counting(trio.abc.Instrument):
    """
    How many steps a run has taken.
    """

    count = 0

    def after_task_step(self, _task):
        self.count += 1


async def two_steps_each():
    async with trio.open_nursery() as nursery:
        for _ in range(2):
            nursery.start_soon(checkpoint)


async def lock_order():
    async def both(first, second):
        async with first, second:
            pass

    left, right = trio.Lock(), trio.Lock()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(both, left, right)
        nursery.start_soon(both, right, left)


async def waits_for_ever():
    with trio.CancelScope(shield=True):
        await trio.Event().wait()


async def goes_on_for_ever():
    while True:
        await checkpoint()


async def goes_on_shielded():
    with trio.CancelScope(shield=True):
        while True:
            await checkpoint()


async def withstands_everything():
    while True:
        with contextlib.suppress(BaseException):
            await checkpoint()


async def some_steps():
    for _ in range(5):
        await checkpoint()


async def deadline_passes():
    with trio.CancelScope() as scope:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever)
            await some_steps()
            scope.deadline = trio.current_time()
            await some_steps()
    assert scope.cancelled_caught


async def call_is_made():
    called = trio.Event()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(called.wait)
        await some_steps()
        trio.lowlevel.current_trio_token().run_sync_soon(called.set)
        await some_steps()


async def io_is_ready():
    here, there = trio.socket.socketpair()
    with here, there:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(there.recv, 1)
            await some_steps()
            await here.send(b".")
            await some_steps()


def run(program, chooser=None, *, model="wide", slack=0.0, max_steps=10_000, engine=ENGINE, seen=True):
    """
    One run of a program.
    """
    random.seed(0)
    return run_once(program, chooser or Told(), Rules(Model(model), slack, max_steps, engine), [] if seen else None)


@functools.cache
def explored(path):
    """
    What came of exploring the broken program at *path*.
    """
    race = load(path)
    return explore(race.broken, schedules=200, seed=0, **settings(race))


class TestExplore:
    def test_failure(self):
        """
        A failure has the error, a small token and the steps, and raising it shows them all.
        """
        result = explore(lost_update, seed=1)

        assert isinstance(result.failure, AssertionError)
        assert [1] == [choice for choice in map(int, result.token.removeprefix("wide:").split(".")) if choice]
        assert ["add", "add"] == [step.task for step in result.steps if step.before.endswith("add")][:2]
        assert 1 == sum(step.chosen for step in result.steps)
        with pytest.raises(AssertionError) as caught:
            result.raise_if_failed()
        assert result.token in caught.value.__notes__[0]

    def test_names_like_those_of_trios_own_tasks(self):
        """
        A task that is called as pytest-trio calls its own has its turns decided, and its steps told.
        """

        async def main():
            numbers = [0]

            async def add():
                number = numbers[0]
                await checkpoint()
                numbers[0] = number + 1

            async with trio.open_nursery() as nursery:
                nursery.start_soon(add, name="<test 'one'>")
                nursery.start_soon(add, name="<test 'other'>")
            assert numbers == [2]

        for engine in ENGINES:
            seen = run(main, Told([0, 1]), engine=engine)
            assert isinstance(seen.error, ExceptionGroup | AssertionError)
            assert {"<test 'one'>", "<test 'other'>", "main"} == {step.task.rpartition(".")[2] for step in seen.steps}

    def test_no_failure(self):
        """
        Nothing is raised where nothing failed.
        """
        result = explore(two_steps_each, seed=1)
        result.raise_if_failed()

        assert (None, None, ()) == (result.failure, result.token, result.steps)

    def test_stock_trio_does_not_find_it(self):
        """
        What a token stands for may be out of reach for trio as it is, however often a test is repeated.
        """
        late = load(RACES[0].with_name("published_half_made.py")).broken

        assert explore(late, seed=0, model="strict").failure is None
        assert explore(late, seed=0).failure is not None

    @pytest.mark.parametrize("strategy", ["combo", "dfs", "pct", "random"])
    def test_strategies(self, strategy):
        """
        Each strategy finds a simple race, and a seed makes it find the same one.
        """
        first, second = (explore(lost_update, seed=5, strategy=strategy) for _ in range(2))

        assert first.failure is not None
        assert (first.runs, first.token, first.steps) == (second.runs, second.token, second.steps)

    def test_seed(self):
        """
        A seed that was not given is told.
        """
        first = explore(lost_update, strategy="random")
        second = explore(lost_update, strategy="random", seed=first.seed)

        assert (first.runs, first.token) == (second.runs, second.token)

    def test_random_is_seeded(self):
        """
        What the program draws is the same in each run, and what the caller draws next is as if nothing had been.
        """
        drawn = []

        async def draw():
            drawn.append(random.random())

        random.seed(7)
        expected = random.random()
        random.seed(7)
        explore(draw, seed=1)

        assert expected == random.random()
        assert 1 == len(set(drawn))

    @pytest.mark.parametrize(
        "settings",
        [{"schedules": 0}, {"max_steps": 0}, {"slack": -1}, {"preemptions": -1}],
        ids=str,
    )
    def test_out_of_range(self, settings):
        """
        A number out of its range is refused.
        """
        with pytest.raises(ValueError, match="at least"):
            explore(two_steps_each, **settings)

    @pytest.mark.parametrize("settings", [{"model": "broad"}, {"strategy": "luck"}], ids=str)
    def test_unknown_word(self, settings):
        """
        An unknown word is refused, with those that are known.
        """
        with pytest.raises(ValueError, match=r"It can be '.*'"):
            explore(two_steps_each, **settings)

    async def test_inside_of_a_run(self):
        """
        It cannot be called from inside a run of trio, and says so.
        """
        with pytest.raises(RuntimeError, match="inside a run"):
            explore(two_steps_each)

    def test_keyboard_interrupt(self):
        """
        Ctrl-C is no finding.
        """

        async def interrupted():
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            explore(interrupted)


async def takes_one(number):
    await checkpoint()


async def yields():
    yield 1


class TestAsked:
    """
    What cannot be explored is refused with the reason and the way out, and is not reported as a race.
    """

    @pytest.mark.parametrize("again", [explore, lambda fn: replay(fn, "wide:0")], ids=["explore", "replay"])
    @pytest.mark.parametrize(
        ("make", "text"),
        [
            (two_steps_each, "where it should say two_steps_each"),
            (lambda: 3, "3 cannot be called"),
            (lambda: takes_one, "calls takes_one without arguments (missing a required argument: 'number')"),
            (lambda: list, "list returned a list, which cannot be awaited"),
            (lambda: yields, "yields returned a async_generator"),
        ],
        ids=["coroutine", "number", "arguments", "not async", "generator"],
    )
    def test_what_is_no_async_function_is_refused(self, again, make, text):
        """
        It is an error of the caller, told as what it is.
        """
        with pytest.raises(TypeError, match=re.escape(text)):
            again(make())

    @pytest.mark.parametrize("fn", [functools.partial(takes_one, 1), lambda: takes_one(1), lambda: trio.sleep(1)])
    def test_whatever_returns_something_to_await(self, fn):
        """
        Partials and lambdas will do.
        """
        assert None is explore(fn, schedules=3).failure

    @pytest.mark.parametrize(
        ("asked", "error", "text"),
        [
            ({"schedules": -1}, ValueError, "explore(schedules=-1): it is at least 1."),
            ({"schedules": 2.5}, TypeError, "explore(schedules=2.5): it is a whole number."),
            ({"max_steps": 0}, ValueError, "explore(max_steps=0): it is at least 1."),
            ({"preemptions": -1}, ValueError, "explore(preemptions=-1): it is at least 0, or None."),
            (
                {"slack": float("nan")},
                ValueError,
                "explore(slack=nan): it is a number of seconds, at least 0 and finite.",
            ),
            ({"slack": float("inf")}, ValueError, "explore(slack=inf)"),
            ({"seed": "x"}, TypeError, "explore(seed='x'): it is a whole number."),
        ],
        ids=str,
    )
    def test_numbers(self, asked, error, text):
        """
        The message has the one that is wrong, and no other.
        """
        with pytest.raises(error, match=re.escape(text)):
            explore(two_steps_each, **asked)

    def test_token(self):
        """
        Something else than a text is no token either.
        """
        with pytest.raises(ValueError, match="None is no token of a schedule"):
            replay(two_steps_each, None)

    def test_nested(self):
        """
        An exploration in what is explored is told where it can be.
        """

        async def nested():
            explore(two_steps_each)

        error = explore(nested).failure

        assert isinstance(error, RuntimeError)
        assert str(error) == (
            "explore runs trio itself, so it cannot be called from inside a run: call it from a function that is not async."
        )

    def test_summary(self):
        """
        What was run is said in words that fit the number.
        """
        assert str(explore(trio.lowlevel.checkpoint, seed=0)) == (
            "1 schedule was run (seed 0).\nNone failed, and there are no others."
        )


class TestExhausted:
    def test_everything(self):
        """
        When all schedules were run that there are, it stops early and says so.
        """
        orders = set()

        async def program():
            order = []

            async def step(name):
                order.append(name)

            async with trio.open_nursery() as nursery:
                for name in "abc":
                    nursery.start_soon(step, name)
            orders.add("".join(order))

        result = explore(program, strategy="dfs", schedules=1000, seed=0)

        assert (6, True, float("inf")) == (result.runs, result.exhausted, result.preemptions)
        assert {"abc", "acb", "bac", "bca", "cab", "cba"} == orders

    def test_bound(self):
        """
        A bound that was covered is told, and means that there was no failure within it.
        """
        philosophers = load(RACES[0].with_name("philosophers.py"))
        result = explore(philosophers.mended, strategy="dfs", schedules=1000, preemptions=1, seed=0)

        assert (True, 1, None) == (result.exhausted, result.preemptions, result.failure)
        assert "there are no others with at most 1 preemptions" in str(result)

    def test_combo(self):
        """
        The combination of strategies covers its bound as well, if half of the schedules are enough.
        """
        race = load(RACES[0].with_name("stopped_before_start.py"))

        assert explore(race.mended, schedules=200, seed=0).exhausted
        assert not explore(load(RACES[0].with_name("philosophers.py")).mended, schedules=40, seed=0).exhausted

    def test_not_without_search(self):
        """
        Chance covers nothing for sure.
        """
        assert not explore(two_steps_each, strategy="random", seed=0).exhausted


class TestEnds:
    """
    Every run ends, and it is told why.
    """

    @pytest.mark.parametrize("engine", ENGINES)
    @pytest.mark.parametrize("program", [waits_for_ever, trio.sleep_forever])
    def test_deadlock(self, program, engine):
        """
        A run in which nothing can wake anybody is ended at once, shielded or not.
        """
        assert isinstance(run(program, engine=engine).error, Deadlock)

    @pytest.mark.parametrize("engine", ENGINES)
    @pytest.mark.parametrize("program", [goes_on_for_ever, goes_on_shielded, withstands_everything])
    def test_livelock(self, program, engine):
        """
        A run that goes on and on is ended after so many steps, with more force if it withstands.
        """
        result = run(program, max_steps=300, engine=engine)

        assert isinstance(result.error, Livelock)
        assert "after 300 steps" in str(result.error)
        assert program.__name__ in str(result.error)
        assert len(result.steps) <= 301

    @pytest.mark.parametrize("name", ["polite_for_ever", "missed_state"])
    def test_a_livelock_is_told_soon(self, name):
        """
        It takes few runs of full length to look for one, make it small and show it, and what is shown is short.
        """
        path = RACES[0].with_name(f"{name}.py")
        module, lengths = load(path), []

        async def counted():
            lengths.append(Counting())
            trio.lowlevel.add_instrument(lengths[-1])
            await module.broken()

        result = explore(counted, seed=1, max_steps=20_000)

        assert isinstance(result.failure, Livelock)
        assert 2 >= sum(each.count > 10_000 for each in lengths)
        assert 3000 > len(str(result))

    def test_a_livelock_in_step(self):
        """
        The last schedule of a combination is the default one of the strict model, and its token says so.
        """
        module = load(RACES[0].with_name("backing_off_in_step.py"))
        result = explore(module.broken, seed=0, schedules=20, max_steps=500)
        again = replay(module.broken, result.token, max_steps=500)

        assert (20, "strict:0") == (result.runs, result.token)
        assert isinstance(again.failure, Livelock)
        assert None is explore(module.broken, seed=0, schedules=20, strategy="random").failure

    def test_a_livelock_beside_a_timer(self):
        """
        Who looks again and again while somebody else sleeps is told that no time passes meanwhile.
        """

        async def looks():
            async with trio.open_nursery() as nursery:
                nursery.start_soon(trio.sleep, 5)
                while nursery.child_tasks:
                    await checkpoint()

        result = explore(looks, seed=0, max_steps=500)

        assert "No time passes while a task can run, and the next timer is 5 s away" in str(result.failure)

    def test_a_livelock_is_not_made_so_small_that_it_ends(self):
        """
        A run that is only longer than others is told by a schedule on which it is too long as well.
        """

        async def long():
            first = []
            async with trio.open_nursery() as nursery:
                for turns in (1, 6_000, 30_000):
                    nursery.start_soon(add, first, turns)
            for _ in range(first[0]):
                await checkpoint()

        async def add(first, turns):
            first.append(turns)

        result = explore(long, strategy="random", seed=3, max_steps=10_000)

        assert isinstance(result.failure, Livelock)
        assert None is result.diverged
        assert "wide:2" == result.token

    def test_deadlock_that_is_withstood(self):
        """
        A program that goes back to its wait whatever is thrown at it is ended all the same.
        """

        async def withstands():
            while True:
                with contextlib.suppress(BaseException):
                    await trio.sleep_forever()

        assert isinstance(run(withstands).error, Deadlock)

    def test_deadlock_that_is_caught(self):
        """
        A program that catches all there is cannot hide that it was in a deadlock.
        """

        async def catches():
            with contextlib.suppress(AssertionError):
                await trio.sleep_forever()

        assert isinstance(run(catches).error, Deadlock)

    def test_lock_order(self):
        """
        The two who wait for each other are shown.
        """
        result = explore(lock_order, seed=0)

        assert isinstance(result.failure, Deadlock)
        assert "Lock.acquire" in str(result.failure)

    def test_timer(self):
        """
        A timer that will ring is no deadlock, and takes no time.
        """

        async def rests():
            await trio.sleep(1_000_000)

        assert run(rests).error is None

    @pytest.mark.real
    @pytest.mark.parametrize("engine", ENGINES)
    def test_thread_at_work(self, engine):
        """
        Who waits for a thread is not in a deadlock, and no timer rings meanwhile.
        """

        async def waits():
            with trio.fail_after(1):
                await trio.to_thread.run_sync(threading.Event().wait, 0.02)

        assert run(waits, engine=engine).error is None

    @pytest.mark.real
    @pytest.mark.parametrize("engine", ENGINES)
    def test_connection(self, engine):
        """
        No timer rings while bytes are on their way through a socket.
        """

        async def answer(stream):
            async with stream:
                await stream.send_all(b"x" * 200_000)

        async def call():
            listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
            async with trio.open_nursery() as nursery:
                nursery.start_soon(trio.serve_listeners, answer, listeners)
                with trio.fail_after(5):
                    stream = await trio.testing.open_stream_to_socket_listener(listeners[0])
                    async with stream:
                        received = sum([len(chunk) async for chunk in stream])
                nursery.cancel_scope.cancel()
            assert received == 200_000

        for seed in range(5):
            assert run(call, ByChance(seed), engine=engine).error is None

    @pytest.mark.real
    def test_child_process(self):
        """
        No timer rings while a child process is at work.
        """

        async def waits():
            with trio.fail_after(5):
                await trio.run_process([sys.executable, "-c", "pass"])

        assert run(waits).error is None


async def transfer():
    """
    Move one coin, twice at once, through a store whose writes may fail.
    """
    here, there, lost = [2], [0], []

    def write(cell, change):
        if sometimes("disk full"):
            raise OSError("disk full")
        cell[0] += change

    async def move():
        try:
            write(here, -1)
            await checkpoint()
            write(there, 1)
        except OSError:
            lost.append("one")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(move)
        nursery.start_soon(move)
    assert here[0] + there[0] == 2, lost


class TestSometimes:
    @pytest.mark.parametrize("strategy", ["combo", "dfs", "pct", "random"])
    def test_searched(self, strategy):
        """
        A fault at a named place is found by every strategy, told in the steps, and left alone where it is not needed.
        """
        result = explore(transfer, seed=1, strategy=strategy)
        (fault,) = [step for step in result.steps if isinstance(step, Failure)]

        assert isinstance(result.failure, AssertionError)
        assert ("move", "disk full") == (fault.task, fault.name)
        assert fault.at.startswith("test_explore.py:")
        assert fault.at.endswith(" write")
        assert f"* {'move':24} disk full at test_explore.py" in str(result)

    @pytest.mark.parametrize("engine", ENGINES)
    @pytest.mark.parametrize("model", ["wide", "strict"])
    def test_replayed(self, engine, model):
        """
        Its token makes the same fault again, with each engine, and no other.
        """
        found = explore(transfer, seed=1, model=model)
        choices = Token.read(found.token).choices
        again = run(transfer, Told(choices), model=model, engine=engine)

        assert found.steps == again.steps
        assert [1] == [choice for choice in choices if choice]

    def test_by_default_nothing_fails(self):
        """
        The default schedule has no fault, and outside of an exploration there is none.
        """
        assert None is run(transfer).error
        assert not sometimes("ever")

    def test_exhausted(self):
        """
        All combinations of faults and turns are covered by the bound like any others.
        """

        async def robust():
            if sometimes("first") and sometimes("second"):
                seen.append("both")

        seen = []
        result = explore(robust, schedules=50, strategy="dfs", seed=0)

        assert (True, math.inf, 3) == (result.exhausted, result.preemptions, result.runs)
        assert ["both"] == seen

    def test_threads(self):
        """
        A call in a thread is no choice, since nobody decides when it comes.
        """

        async def main():
            assert not await trio.to_thread.run_sync(sometimes, "ever")

        assert None is run(main, Told([1, 1, 1])).error


class TestReplay:
    def test_prints(self, capsys):
        """
        Each step is printed with its places, a star where the choice was not the default, and what came of it.
        """
        result = explore(lost_update, seed=1)
        again = replay(lost_update, result.token)

        text = capsys.readouterr().out
        printed = text.splitlines()
        assert (1, result.token, result.steps) == (again.runs, again.token, again.steps)
        assert [str(step) for step in result.steps][:3] == printed[:3]
        assert 1 == sum(line.startswith("*") for line in printed)
        assert "\nIt fails with AssertionError" in text

    def test_mended(self, capsys):
        """
        Once the bug is mended, the token says so.
        """
        assert replay(two_steps_each, "wide:0.1").failure is None
        assert "It does not fail." == capsys.readouterr().out.splitlines()[-1]

    def test_repeated_steps(self, capsys):
        """
        Steps that repeat are counted.
        """
        replay(goes_on_for_ever, "wide:0", max_steps=500)

        assert "499 times" in capsys.readouterr().out

    def test_no_token(self):
        """
        What is no token is refused, and it is told what one looks like.
        """
        with pytest.raises(ValueError, match="A token looks like"):
            replay(two_steps_each, "1.1")


class TestSameTokenSameTrace:
    @pytest.mark.real
    @pytest.mark.parametrize("hash_seed", ["0", "1", "2", "3"])
    def test_hash_seeds_and_engines(self, hash_seed):
        """
        The token of each planted race makes the same steps in another process, whatever its hash seed, with both engines.
        """
        found = {path.stem: explored(path) for path in RACES if explored(path).token is not None}
        expected = {stem: [result.token, [*map(str, result.steps)]] for stem, result in found.items()}
        told = json.dumps({stem: token for stem, (token, _steps) in expected.items()})
        done = subprocess.run(
            [sys.executable, "-m", "tests.testing.retrace"],
            env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(Path(__file__).parents[2])},
            input=told,
            capture_output=True,
            check=True,
            text=True,
        )
        seen = json.loads(done.stdout)

        assert len(found) > 0.9 * len(RACES)
        assert ["run_by_batches", "run_by_coroutines"] == sorted(seen)
        for traces in seen.values():
            assert expected == traces

    @pytest.mark.real
    def test_search(self):
        """
        Another process with another hash seed makes the same search: as many runs, and the same failure.
        """
        path = RACES[0].with_name("philosophers.py")
        code = (
            "from tests.testing.test_explore import RACES, explored\n"
            "result = explored(RACES[0].with_name('philosophers.py'))\n"
            "print(result.runs, result.token)"
        )
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": str(Path(__file__).parents[2])},
            capture_output=True,
            check=True,
            text=True,
        )

        assert f"{explored(path).runs} {explored(path).token}\n" == done.stdout


class TestPlaces:
    @pytest.mark.parametrize("name", ["condition_if", "nested_nurseries_wait", "deadlock_in_a_crowd"])
    def test_the_place_of_a_task_that_waits_is_the_same_whenever_it_waits_there(self, name):
        """
        Both engines, run again and again, see the same places, and few of them.
        """
        module = load(RACES[0].with_name(f"{name}.py"))
        seen = []
        for engine in ENGINES * 2:
            chooser = Seen()
            made = run(module.mended, chooser, engine=engine)
            assert len(made.choices) == len(chooser.places)
            seen.append(chooser.places)

        assert [seen[0]] * 4 == seen
        assert 1 < len(set(seen[0])) < 15


class TestDeterminism:
    def test_divergence(self):
        """
        A program that depends on more than the schedule is noticed, and the first step that differs is told.
        """
        calls = []

        async def remembers():
            calls.append(1)
            for _ in calls:
                await checkpoint()

        result = explore(remembers, seed=0)

        assert result.diverged is not None
        assert "differ" in result.diverged
        assert not result.exhausted

    def test_failure_that_does_not_come_back(self):
        """
        A failure that replaying does not bring back is reported all the same, with a warning.
        """
        calls = []

        async def fails_once():
            calls.append(1)
            await two_steps_each()
            assert len(calls) != 4

        result = explore(fails_once, seed=0)

        assert isinstance(result.failure, AssertionError)
        assert "did not fail in the same way" in result.diverged
        assert result.diverged in str(result)


class TestEngines:
    @pytest.mark.parametrize("engine", ENGINES)
    def test_works(self, engine):
        """
        Each engine can have three tasks run in an order that trio would not choose.
        """
        assert works(engine)

    def test_stock_does_not(self):
        """
        The trial tells an engine from none.
        """

        def stock(main, course, instruments):
            return course.drive(main, QuietClock(), instruments)

        assert not works(stock)

    def test_broken(self):
        """
        An engine that raises is not used, and the next one takes its place.
        """

        def broken(main, course, instruments):
            raise AttributeError("_r")

        assert run_by_coroutines is choose_engine([broken, run_by_coroutines])
        with pytest.raises(RuntimeError, match="No engine"):
            choose_engine([broken])

    @pytest.mark.no_leak_check("the programs leave their channels open")
    @pytest.mark.parametrize("model", ["wide", "strict"])
    @pytest.mark.parametrize("path", RACES, ids=stem)
    def test_same_steps(self, path, model):
        """
        The same choices make the same steps and the same outcome on both engines.
        """
        race = load(path)
        for program in (race.broken, race.mended):
            for seed in range(5):
                one, other = (
                    run(program, ByChance(seed), model=model, engine=engine, **settings(race)) for engine in ENGINES
                )

                assert (one.choices, one.widths, one.steps) == (other.choices, other.widths, other.steps)
                assert type(one.error) is type(other.error)

    @pytest.mark.parametrize("happens", [deadline_passes, call_is_made, io_is_ready], ids=lambda each: each.__name__)
    def test_one_pass(self, monkeypatch, happens):
        """
        Steps that are taken in one pass of trio's loop are those that would be taken in a pass each.
        """

        async def program():
            async with trio.open_nursery() as nursery:
                for _ in range(3):
                    nursery.start_soon(happens)
                    nursery.start_soon(some_steps)

        quick = [run(program, ByChance(seed)) for seed in range(30)]
        monkeypatch.setattr(compat, "something_else", lambda: lambda: True)
        slow = [run(program, ByChance(seed)) for seed in range(30)]

        assert [each.steps for each in slow] == [each.steps for each in quick]
        assert {None} == {each.error for each in quick}

    @pytest.mark.parametrize("engine", ENGINES)
    def test_call_that_asks_again(self, engine):
        """
        A call by the token that has itself called again each time does not keep tasks from their turn.
        """

        async def program():
            token = trio.lowlevel.current_trio_token()

            def again():
                with contextlib.suppress(trio.RunFinishedError):
                    token.run_sync_soon(again, idempotent=True)

            again()
            for _ in range(3):
                await checkpoint()

        assert run(program, engine=engine).error is None

    @pytest.mark.parametrize("engine", ENGINES)
    def test_cancelled_while_held(self, engine):
        """
        Who could run when they are cancelled finish what they are at; the next checkpoint raises.
        """
        seen = []

        async def child(scope):
            with scope:
                await checkpoint()
                seen.append("held")
                await checkpoint()
                seen.append("missed")

        async def program():
            scope = trio.CancelScope()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(child, scope)
                for _ in range(3):
                    await checkpoint()
                scope.cancel()

        for seed in range(50):
            seen.clear()
            assert run(program, ByChance(seed), engine=engine).error is None
            assert seen in ([], ["held"], ["held", "missed"])

    @pytest.mark.parametrize("engine", ENGINES)
    def test_breaks_down(self, monkeypatch, engine):
        """
        An error in an engine is raised, though trio would go on without the engine.
        """

        take = Steering.take

        def breaks(steering):
            if steering.steps == 2:
                raise ZeroDivisionError
            return take(steering)

        monkeypatch.setattr(Steering, "take", breaks)
        with pytest.raises(InternalError, match="broke down"):
            run(goes_on_for_ever, engine=engine)

    @pytest.mark.parametrize("engine", ENGINES)
    def test_foreign_await(self, engine):
        """
        A task that awaits what trio does not know gets the error for it, in its turn, and can go on.
        """

        class Foreign:
            def __await__(self):
                yield "what trio does not know"

        async def awaits():
            with pytest.raises(TypeError, match="received unrecognized"):
                await Foreign()
            await checkpoint()

        async def program():
            async with trio.open_nursery() as nursery:
                nursery.start_soon(awaits)
                nursery.start_soon(two_steps_each)

        for seed in range(20):
            assert run(program, ByChance(seed), engine=engine).error is None

    @pytest.mark.parametrize("engine", ENGINES)
    def test_wait_all_tasks_blocked(self, engine):
        """
        Nobody counts as blocked who is only held back.
        """
        stood = []

        async def work():
            for step in range(3):
                stood.append(step)
                await checkpoint()
            await trio.sleep_forever()

        async def program():
            async with trio.open_nursery() as nursery:
                nursery.start_soon(work)
                await trio.testing.wait_all_tasks_blocked()
                assert stood == [0, 1, 2]
                nursery.cancel_scope.cancel()

        for seed in range(20):
            stood.clear()
            assert run(program, ByChance(seed), engine=engine).error is None

    def test_trio_is_as_before(self):
        """
        When a run is over, trio has its own random numbers back.
        """
        before = trio._core._run._r, trio._core._run._ALLOW_DETERMINISTIC_SCHEDULING
        explore(lost_update, seed=1)

        assert before == (trio._core._run._r, trio._core._run._ALLOW_DETERMINISTIC_SCHEDULING)

    def test_other_threads(self):
        """
        A run in another thread is left alone, and two explorations take turns.
        """
        results = []

        async def other():
            async with trio.open_nursery() as nursery:
                for _ in range(5):
                    nursery.start_soon(checkpoint)

        def run_others():
            for _ in range(30):
                trio.run(other, clock=QuietClock())
            results.append(explore(lost_update, seed=1).token)

        thread = threading.Thread(target=run_others)
        thread.start()
        results += [explore(lost_update, seed=1).token for _ in range(5)]
        thread.join()

        assert 1 == len(set(results))


class TestFairness:
    @pytest.mark.parametrize("engine", ENGINES)
    def test_busy_wait(self, engine):
        """
        Who looks again and again does not keep the others from running for ever.
        """

        async def program():
            done = []

            async def work():
                await checkpoint()
                done.append(1)

            async with trio.open_nursery() as nursery:
                nursery.start_soon(work)
                while not done:
                    await checkpoint()

        result = run(program, engine=engine)

        assert result.error is None
        assert len(result.steps) < 500


class TestOutside:
    @pytest.mark.real
    @pytest.mark.no_leak_check("a thread waits on when its run has ended")
    def test_a_thread_that_nobody_lets_go(self, monkeypatch):
        """
        A run that a thread would keep for ever ends in a deadlock that says so, and its schedule makes it again.
        """
        for name in ("FIRST_WAIT", "WAIT", "WAIT_AGAIN"):
            monkeypatch.setattr(_explore_course, name, 0.2)
        events = []

        async def closes_late():
            is_open = True
            events.append(threading.Event())

            async def waits():
                await checkpoint()
                if is_open:
                    await trio.to_thread.run_sync(events[-1].wait)

            async with trio.open_nursery() as nursery:
                nursery.start_soon(waits)
                await checkpoint()
                is_open = False

        found = explore(closes_late, seed=0)
        again = replay(closes_late, found.token)
        for event in events:
            event.set()

        assert isinstance(found.failure, Deadlock)
        assert found.failure.outside
        assert isinstance(again.failure, Deadlock)
        assert "has woken none for seconds" in str(found.failure)

    def test_what_is_usual_is_waited_for(self):
        """
        The first run gets long, those after it a multiple of what was usual, and less once it was in vain.
        """
        waits = _explore_course.Waits()
        first = waits.limit
        waits.runs, waits.longest = 1, 4.0
        usual = waits.limit
        waits.in_vain = True

        assert first > usual > 3 * waits.longest
        assert usual > waits.limit > waits.longest


class TestSlack:
    def test_none(self):
        """
        Without slack timers ring only when nobody can run; with it, they may ring earlier.
        """
        race = load(RACES[0].with_name("timer_and_reply.py"))

        assert explore(race.broken, seed=0).failure is None
        assert explore(race.broken, seed=0, slack=0.05).failure is not None
        assert explore(race.broken, seed=0, slack=0.01).failure is None

    def test_whole_seconds(self):
        """
        A slack that is a whole number is replayed with the token that was told.
        """
        race = importlib.import_module("tests.planted.races.lease_outlived")
        token = explore(race.broken, seed=0, slack=3).token

        assert token == replay(race.broken, token).token
