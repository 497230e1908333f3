"""
What every test of the suite can rely on.

- Time is virtual: an async test runs on a clock that jumps ahead when nothing can run, and only a
  test marked `real` sees the clock on the wall. A sync test that calls `trio.run` passes a clock
  itself (`test_house.py` looks after that).
- Chance is replayable: pytest-randomly prints a seed, and the same seed gives the same order of
  tests, the same `random` and the same scheduling inside trio.
- A test that hangs fails after the cap in `pyproject.toml`, with the stack of every trio task. It
  is cancelled first, so that the rest of the suite meets a tidy interpreter.
"""

import inspect
import random
import signal
import traceback
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Any
from weakref import WeakKeyDictionary

import pytest
import trio
from hypothesis import settings
from trio.testing import MockClock

# Time is virtual, so how long an example takes says something about the machine only.
settings.register_profile("suite", deadline=None, print_blob=True)
settings.load_profile("suite")

SECONDS_TO_UNWIND = 2.0
"""
How long a hanging test may take to end once it is cancelled.
"""

TRIO = str(Path(trio.__file__).parent)

# The scope of each async test, for the timeout to cancel.
scopes_by_root: WeakKeyDictionary[trio.lowlevel.Task, trio.CancelScope] = WeakKeyDictionary()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """
    Choose a clock for each async test, by the argument that pytest-trio's marker takes.
    """
    for item in items:
        if inspect.iscoroutinefunction(getattr(item, "obj", None)):
            real = item.get_closest_marker("real") is not None
            item.add_marker(pytest.mark.trio(run=run_for_real if real else run_in_virtual_time))


def run_in_virtual_time(
    main: Callable[[], Awaitable[object]],
    *,
    clock: trio.abc.Clock | None = None,
    instruments: Sequence[trio.abc.Instrument] = (),
) -> object:
    """
    What `trio.run` is to pytest-trio, on a clock that needs no waiting.
    """
    __tracebackhide__ = True
    clock = MockClock(autojump_threshold=0) if clock is None else clock
    return run_for_real(main, clock=clock, instruments=instruments)


def run_for_real(
    main: Callable[[], Awaitable[object]],
    *,
    clock: trio.abc.Clock | None = None,
    instruments: Sequence[trio.abc.Instrument] = (),
) -> object:
    """
    What `trio.run` is to pytest-trio, in a scope that a timeout can cancel.
    """
    __tracebackhide__ = True

    async def main_in_scope() -> object:
        __tracebackhide__ = True
        root = trio.lowlevel.current_root_task()
        with scopes_by_root.setdefault(root, trio.CancelScope()):
            return await main()
        pytest.fail("The test hung. Where its tasks stood is shown below.", pytrace=False)

    return trio.run(main_in_scope, clock=clock, instruments=instruments)


@pytest.fixture(autouse=True)
def replayable_scheduling() -> None:
    """
    Let trio shuffle its batches by the seed of this run.

    Importing hypothesis (above) makes trio sort each batch before it is shuffled, so this seed is
    all that the order depends on. pytest-randomly has reset `random` just before.
    """
    trio._core._run._r.seed(random.getrandbits(64))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """
    Print the seed also where the header is left out, as with `-q`.
    """
    seed = terminalreporter.config.getoption("randomly_seed", None)
    if seed is not None:
        terminalreporter.write_line(f"Seed of this run: --randomly-seed={seed}")


@pytest.hookimpl(wrapper=True)
def pytest_timeout_set_timer(item: pytest.Item, settings: Any) -> Iterator[None]:
    """
    Let pytest-timeout fail a test only after its tasks were shown and had a chance to unwind.
    """
    result = yield
    if settings.method == "signal":
        fail = signal.getsignal(signal.SIGALRM)

        def fail_and_stop(signum: int, frame: FrameType | None) -> None:
            __tracebackhide__ = True
            # Failing from a signal breaks trio's loop wherever it is, and no loop runs after that.
            item.session.shouldstop = "A test hung and could not be cancelled."
            fail(signum, frame)

        def show_and_cancel(signum: int, frame: FrameType | None) -> None:
            __tracebackhide__ = True
            signal.signal(signal.SIGALRM, fail_and_stop)
            item.add_report_section("call", "trio tasks", "".join(task_stacks()))
            if cancel_the_test():
                signal.setitimer(signal.ITIMER_REAL, SECONDS_TO_UNWIND)
            else:
                fail_and_stop(signum, frame)

        signal.signal(signal.SIGALRM, show_and_cancel)
    return result


def cancel_the_test() -> bool:
    """
    Cancel the async test that runs in this thread, and say whether there is one.
    """
    root = current_root_task()
    scope = scopes_by_root.get(root) if root is not None else None
    if scope is None:
        return False
    trio.lowlevel.current_trio_token().run_sync_soon(scope.cancel, "the test hung")
    return True


def current_root_task() -> trio.lowlevel.Task | None:
    """
    The root of this thread's run, or None outside of a run.
    """
    try:
        return trio.lowlevel.current_root_task()
    except RuntimeError:
        return None


def task_stacks() -> Iterator[str]:
    """
    Each living task of this thread's run with its stack outside of trio, parents before children.
    """
    root = current_root_task()
    todo = [root] if root is not None else []
    while todo:
        task = todo.pop()
        stack = traceback.StackSummary.extract(task.iter_await_frames())
        yield f"{task.name}:\n"
        yield from [
            line for frame, line in zip(stack, stack.format(), strict=False) if not frame.filename.startswith(TRIO)
        ]
        todo.extend(child for nursery in task.child_nurseries for child in nursery.child_tasks)
