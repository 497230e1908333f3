"""
The leak check of every test, from before its fixtures are set up until after they are torn down.

What fixtures of a class, a module or the session make is theirs to end, and not looked at. Runs of trio that a test begins by
itself are watched as well.

Laws: a session in which the check could not fire does not begin. The check hides nothing of how a test ended.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Generator
from pathlib import Path
from typing import Any, Final

import attrs
import pytest
import trio

from ..leaks import Ignore, Kind, Leak, LeakCheck, LeakError, leak_check
from ._collecting import PLAN
from ._options import OPTIONS, LeakMode
from ._runs import TURN


class LeakWarning(UserWarning):
    """
    A test left something behind, and ``--leak-check=warn`` was asked for.
    """


@attrs.frozen
class Judged:
    """
    What the check of one run says.
    """

    leaks: tuple[Leak, ...] = ()
    error: Exception | None = None
    """What it raised, if it did: leaks, or that it cannot tell."""


CHECK: Final = pytest.StashKey[LeakCheck | None]()
JUDGED: Final = pytest.StashKey[Judged]()
FAILED: Final = pytest.StashKey[bool]()

HANDS_OVER: Final = pytest.StashKey[bool]()
"""
Whether what is judged is taken up by the protocol of this plugin, so that nothing is raised here.
"""


def pytest_sessionstart(session: pytest.Session) -> None:
    """
    Prove that the check can fire.
    """
    config = session.config
    if config.stash[OPTIONS].leaks is not LeakMode.OFF and not config.option.collectonly:
        prove()


def prove() -> None:
    """
    Leak something, and see that it is found.

    Raises:
        pytest.UsageError: It was not.
    """
    pipe: list[int] = []

    async def main() -> None:
        trio.lowlevel.spawn_system_task(trio.sleep_forever, name="planted")
        pipe.extend(os.pipe())

    check = leak_check(grace=0.0)
    try:
        with contextlib.suppress(LeakError), check:
            check.follow()
            trio.run(main)
    except Exception as exc:
        raise pytest.UsageError(
            f"The leak check does not work here: {exc} Leave it out with --leak-check=off."
        ) from exc
    finally:
        for descriptor in pipe:
            os.close(descriptor)
    wanted = {Kind.TASK, Kind.PIPE} if Path("/proc/self/fd").exists() else {Kind.TASK}
    if missed := sorted(kind.value for kind in wanted - {leak.kind for leak in check.leaks}):
        raise pytest.UsageError(
            f"The leak check does not work here: of what was left behind on purpose it missed a {' and a '.join(missed)}. "
            f"Leave it out with --leak-check=off."
        )


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, Any, Any]:
    """
    Begin to look.
    """
    plan, turn = item.stash.get(PLAN, None), item.stash.get(TURN, None)
    item.stash[JUDGED], item.stash[FAILED] = Judged(), False
    if plan is not None and plan.leaks is not LeakMode.OFF:
        # Nobody is left who waits on the channels of a test that was cancelled.
        owed = [Ignore(kind=Kind.CHANNEL)] if turn is not None and turn.is_disturbed else []
        check = leak_check(ignore=[*plan.ignore, *owed])
        check.__enter__()
        check.follow()
        item.config.stash[CHECK] = check
    return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
) -> Generator[None, Any, Any]:
    """
    Look away while a fixture of more than one test is made.
    """
    check = request.config.stash.get(CHECK, None)
    if check is None or fixturedef.scope == "function":
        return (yield)
    with check.looking_away():
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """
    Note whether the test failed: then it owes less.
    """
    if call.excinfo is not None:
        item.stash[FAILED] = True
    return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, Any, Any]:
    """
    Look at what is left.
    """
    try:
        return (yield)
    finally:
        judged = _judge(item)
        if judged.error is not None and not item.stash.get(HANDS_OVER, False):
            report_leak(item, judged.error)


def report_leak(item: pytest.Item, error: Exception) -> None:
    """
    Raise or warn of what a check says.
    """
    if item.stash[PLAN].leaks is LeakMode.ERROR or not isinstance(error, LeakError):
        raise error
    item.warn(LeakWarning(str(error)))


def _judge(item: pytest.Item) -> Judged:
    check = item.config.stash.get(CHECK, None)
    if check is None:
        return Judged()
    item.config.stash[CHECK] = None
    # The error itself would keep alive what its frames hold.
    failure = Exception("the test failed") if item.stash[FAILED] else None
    try:
        check.__exit__(type(failure) if failure is not None else None, failure, None)
    except (LeakError, BaseExceptionGroup):
        judged = Judged(check.leaks, LeakError(check.leaks))  # Without the frames of the check.
    except Exception as exc:  # noqa: BLE001 - it is reported with the test
        judged = Judged((), exc.with_traceback(None))
    else:
        judged = Judged()
    item.stash[JUDGED] = judged
    return judged
