"""
Programs that are broken on purpose, each with its mended twin, and what the tools say of them.

`races` go wrong on some schedules only, `everywhere` when they are cancelled or a wait fails, `leaks` leave something behind,
and in `stuck` there are tasks that nothing can wake. How each is run is here; the tests and the table ask.

Law: a program is found by its kind and in its own file, or it is not found.
"""

import contextlib
import importlib
import random
from pathlib import Path
from types import ModuleType

import outcome
import trio
from trio.testing import wait_all_tasks_blocked

from trio_run._trio_compat import interrupt, main_task
from trio_run.leaks import Ignore, Kind, LeakError, Suspects, leak_check, leaked_tasks
from trio_run.testing import Everywhere, Exploration, QuietClock, cancel_everywhere, explore, fault_everywhere
from trio_run.testing._explore_choosers import Told
from trio_run.testing._explore_course import Course
from trio_run.testing._explore_engine import ENGINE
from trio_run.testing._explore_token import Model

TOP = Path(__file__).parent
FOLDERS = ("races", "everywhere", "leaks", "stuck")
TOOLS = {"cancel_everywhere": cancel_everywhere, "fault_everywhere": fault_everywhere}
SEEDS = 5
"""How many seeds the races are looked for with."""


def names(folder: str) -> list[str]:
    """
    The programs of a folder.
    """
    return sorted(path.stem for path in (TOP / folder).glob("*.py"))


def load(folder: str, name: str) -> ModuleType:
    """
    A broken program and its mended twin.
    """
    return importlib.import_module(f"tests.planted.{folder}.{name}")


# Races.


def explored(program, fn, *, seed=0, model="wide", schedules=200) -> Exploration:
    """
    Explore the schedules of the broken or mended program.
    """
    slack = getattr(program, "SLACK", 0.0) if model == "wide" else 0.0
    return explore(
        fn, schedules=schedules, seed=seed, model=model, slack=slack, max_steps=getattr(program, "MAX_STEPS", 100_000)
    )


def is_deadlock(program) -> bool:
    """
    Whether a race ends in a deadlock, and not with a wrong result.
    """
    return type(explored(program, program.broken).failure).__name__ == "Deadlock"


def fails_in_plain_runs(program, runs=200) -> bool:
    """
    Whether one of so many runs fails on trio as it is, with a clock that reports a deadlock, or has no end.
    """
    for number in range(runs):
        random.seed(0)
        trio._core._run._r.seed(number)
        steps = Steps(getattr(program, "MAX_STEPS", 100_000))
        result = outcome.capture(trio.run, program.broken, clock=QuietClock(), instruments=[steps])
        if isinstance(result, outcome.Error):
            return True
    return False


class Steps(trio.abc.Instrument):
    """
    Ends a run that takes more steps than it may, by an error in its main task.
    """

    def __init__(self, most):
        self.left = most

    def after_task_step(self, _task):
        self.left -= 1
        if self.left == 0:
            trio.lowlevel.current_trio_token().run_sync_soon(interrupt_main, TimeoutError("it has no end"))


def interrupt_main(error):
    """
    Have the main task of this run fail.
    """
    interrupt(main_task(), error)


# Cancellations and faults.


def tried(program, fn, tool) -> Everywhere:
    """
    Cancel or fail the broken or mended program everywhere.
    """
    options = {"check": getattr(program, "check", None), **getattr(program, "OPTIONS", {})}
    try:
        return TOOLS[tool](fn, **options)
    finally:
        getattr(program, "tidy_up", list)()


def is_found_everywhere(program, tool) -> bool:
    """
    Whether *tool* finds what it should, in the file of the program and nowhere else.
    """
    found = [
        each for each in tried(program, program.broken, tool).findings if each.verdict.value == program.FINDS[tool]
    ]
    return {program.__file__} == {each.file for each in found}


def is_found_when_idle(program) -> bool:
    """
    Whether it shows when the program is cancelled once, at the moment at which all of its tasks wait.

    As in a test that one would write: it looks for errors, for leaks, that the program ends, and that it did not go on.
    """

    async def main():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(program.broken)
            await wait_all_tasks_blocked()
            nursery.cancel_scope.cancel(reason="the test cancels it")
        assert nursery.cancel_scope.cancelled_caught

    check = leak_check(ignore=[Ignore(kind=Kind.CHANNEL)])
    try:
        with check:
            ENGINE(main, Course.begin(Told(), Model.STRICT, 0.0, 2000, None), [check]).unwrap()
        getattr(program, "check", bool)(None)
    except BaseException:  # noqa: BLE001 - whatever it is, it would fail the test
        return True
    else:
        return False
    finally:
        getattr(program, "tidy_up", list)()


# Leaks.


def left_by(fn) -> set[str]:
    """
    The kinds of things that the broken or mended program leaves behind.
    """
    with contextlib.ExitStack() as after:
        check = leak_check()
        with contextlib.suppress(LeakError), check:
            trio.run(fn, after, instruments=[check], clock=QuietClock())
        return {leak.kind.value for leak in check.leaks}


def suspected(fn) -> Suspects:
    """
    What is suspected when the broken or mended program has nothing left to do at once.
    """

    async def main():
        async with trio.open_nursery() as nursery:
            await fn(nursery)
            await wait_all_tasks_blocked()
            found = leaked_tasks()
            nursery.cancel_scope.cancel(reason="all is seen")
        return found

    return trio.run(main, clock=QuietClock())


def is_found_stuck(program) -> bool:
    """
    Whether the tasks of the program that are stuck are suspected, all of them and no others.
    """
    found = suspected(program.broken)
    return (len(found), len(found.cycles)) == (program.STUCK, getattr(program, "CYCLES", 0))
