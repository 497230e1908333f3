"""
What a user can set for a whole session: on the command line, or in the file that pytest is configured with.

The command line goes before the file. Both are read once, when pytest is configured, so that a mistake is told before any
test runs. What a test says of itself by markers is read in `_collecting`.

Law: a value that makes no sense ends the session with a usage error that names the option.
"""

from __future__ import annotations

import builtins
import enum
import importlib
import math
import random
from collections.abc import Callable
from typing import Any, Final, TypeVar, cast

import attrs
import pytest

from ..testing import InjectedFault
from ..testing._explore_token import Model, Token
from ._tokens import At

T = TypeVar("T")

TOOLS: Final = ("explore", "cancel_everywhere", "fault_everywhere")
"""
What runs a test many times, by the names of the markers.
"""

FAULT: Final = f"{InjectedFault.__module__.rpartition('.')[0]}.{InjectedFault.__name__}"


class LeakMode(enum.Enum):
    """
    What is made of a leak.
    """

    OFF = "off"
    WARN = "warn"
    ERROR = "error"


@attrs.frozen(kw_only=True)
class Options:
    """
    What holds for a session.
    """

    explore: int | None
    """How many schedules each test runs on."""

    seed: int
    model: Model
    slack: float
    preemptions: int | None
    replay: str | None
    cancel: bool
    fault: Callable[[], BaseException] | None
    points: int | None
    """At how many of its points a test is cancelled or failed; None for all."""

    leaks: LeakMode
    ignore: tuple[str, ...]
    stuck_after: float | None


OPTIONS: Final = pytest.StashKey[Options]()


def whole(text: str) -> int:
    """
    Read a whole number of at least 0.

    Raises:
        ValueError: *text* is none.
    """
    number = int(text)
    if number < 0:
        raise ValueError(f"{number} is below 0")
    return number


def at_least_one(text: str) -> int:
    """
    Read a whole number of at least 1.

    Raises:
        ValueError: *text* is none.
    """
    number = int(text)
    if number < 1:
        raise ValueError(f"{number} is below 1")
    return number


def seconds(text: str) -> float:
    """
    Read a number of seconds.

    Raises:
        ValueError: *text* is none.
    """
    number = float(text)
    if not 0 <= number < math.inf:
        raise ValueError(f"{number} is no time that can pass")
    return number


def some_seconds(text: str) -> float:
    """
    Read a number of seconds above 0.

    Raises:
        ValueError: *text* is none.
    """
    number = seconds(text)
    if not number:
        raise ValueError("0 s are over before a test begins")
    return number


def token(text: str) -> str:
    """
    Read a token.

    Raises:
        ValueError: *text* is none.
    """
    if text.startswith(("cancel:", "fault:")):
        At.read(text)
    else:
        Token.read(text)
    return text


def yes_or_no(text: str) -> bool:
    """
    Read a switch.

    Raises:
        ValueError: *text* is none.
    """
    words = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
    if text.lower() not in words:
        raise ValueError("it is neither true nor false")
    return words[text.lower()]


def exception(text: str) -> type[BaseException]:
    """
    Find an exception by its name, such as ``OSError`` or ``trio.BrokenResourceError``.

    Raises:
        ValueError: There is none, or it needs arguments.
    """
    module, dot, name = text.rpartition(".")
    try:
        found: object = getattr(importlib.import_module(module) if dot else builtins, name)
    except (ImportError, AttributeError, ValueError, TypeError):
        found = None
    if not (isinstance(found, type) and issubclass(found, BaseException)):
        raise ValueError("that is no exception; write --fault-everywhere=EXC, and paths before it") from None  # noqa: TRY004 - of what is written
    try:
        found()
    except TypeError:
        raise ValueError("it cannot be made without arguments") from None
    return found


@attrs.frozen
class _Setting:
    """
    One thing that can be set.
    """

    name: str
    read: Callable[[str], Any]
    help: str
    default: str | None = None
    metavar: str | None = None

    @property
    def ini(self) -> str:
        """
        The key in the file.
        """
        return "trio_run_" + self.name.replace("-", "_")


_SETTINGS: Final = {
    each.name: each
    for each in (
        _Setting("explore", at_least_one, "run each async test on N schedules", metavar="N"),
        _Setting("explore-seed", int, "what the choice of schedules depends on", metavar="SEED"),
        _Setting("explore-model", Model, "which schedules count as possible: wide or strict", "wide", "MODEL"),
        _Setting("explore-slack", seconds, "seconds that may pass while tasks are held back", "0", "SECONDS"),
        _Setting("explore-preemptions", whole, "the bound of the bounded search", metavar="N"),
        _Setting(
            "explore-replay", token, "run each async test once, as TOKEN tells, and print the steps", metavar="TOKEN"
        ),
        _Setting("cancel-everywhere", yes_or_no, "cancel each async test at each of its points", "false"),
        _Setting("fault-everywhere", str, "fail each wait of each async test with EXC, by default " + FAULT),
        _Setting(
            "everywhere-points", at_least_one, "try at most N points of each test, drawn by the seed", metavar="N"
        ),
        _Setting("leak-check", LeakMode, "what is made of leaks: off, warn or error", "error", "MODE"),
        _Setting(
            "stuck-after", some_seconds, "end a test after so many seconds, and print its tasks", metavar="SECONDS"
        ),
    )
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """
    Tell pytest what can be set.
    """
    group = parser.getgroup("trio_run", "trio_run: leaks, schedules, cancellations and faults")
    for each in _SETTINGS.values():
        how: dict[str, Any] = {"metavar": each.metavar}
        if each.read is yes_or_no:
            how = {"action": "store_const", "const": "true"}
        elif each.name == "fault-everywhere":
            how = {"nargs": "?", "const": FAULT, "metavar": "EXC"}
        group.addoption(f"--{each.name}", dest=each.ini, default=None, help=each.help, **how)
        if each.name != "explore-replay":
            parser.addini(each.ini, each.help, default="")
    parser.addini("trio_run_leak_ignore", "patterns of what tests may leave behind", type="linelist", default=[])


def options_of(config: pytest.Config) -> Options:
    """
    Read what is set.

    Raises:
        pytest.UsageError: It makes no sense.
    """
    fault = _read(config, "fault-everywhere")
    seed = _read(config, "explore-seed")
    return Options(
        explore=_read(config, "explore"),
        seed=_any_seed(config) if seed is None else seed,
        model=_read(config, "explore-model"),
        slack=_read(config, "explore-slack"),
        preemptions=_read(config, "explore-preemptions"),
        replay=_read(config, "explore-replay"),
        cancel=_read(config, "cancel-everywhere"),
        fault=None if fault is None else _told("fault-everywhere", exception, fault),
        points=_read(config, "everywhere-points"),
        leaks=_read(config, "leak-check"),
        ignore=tuple(config.getini("trio_run_leak_ignore")),
        stuck_after=_read(config, "stuck-after"),
    )


_EVERYWHERE: Final = "check=, allow=, accept=, patience=, schedules=, max_points=, max_steps="

MARKERS: Final = (
    "explore(schedules, seed=, model=, strategy=, preemptions=, slack=, max_steps=): run the test on so many schedules",
    "no_explore(reason): never run the test on other schedules",
    f"cancel_everywhere({_EVERYWHERE}): cancel the test at each of its points",
    "no_cancel_everywhere(reason): never cancel the test",
    f"fault_everywhere(fault=, tasks=, times=, {_EVERYWHERE}): fail each wait of the test",
    "no_fault_everywhere(reason): never fail the waits of the test",
    "everywhere_allow(reason, raises=): what may come out of the test when it is cancelled or failed; switches nothing on",
    "leak_check(mode): what is made of a leak of the test: 'warn' or 'error'",
    "no_leak_check(reason): the test may leave behind what it likes",
    "leak_ignore(rule, ...): what the test may leave behind, as patterns or trio_run.leaks.Ignore",
    "stuck_after(seconds): end the test after so many seconds, and print its tasks",
    "no_stuck_after(reason): the test may take as long as it likes",
)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:  # noqa: ANN401 - of pytest-xdist, which is not always there
    """
    Tell a worker of pytest-xdist the seed.
    """
    node.workerinput["trio_run_seed"] = node.config.stash[OPTIONS].seed


def worker_input(config: pytest.Config) -> dict[str, Any] | None:
    """
    Return what the worker of pytest-xdist that this is was told; None where this is none.
    """
    return cast("dict[str, Any] | None", getattr(config, "workerinput", None))


def _any_seed(config: pytest.Config) -> int:
    told = worker_input(config)
    if told is not None:
        return int(told["trio_run_seed"])
    seed = config.getoption("randomly_seed", None)  # Of pytest-randomly, where it is there.
    return seed if isinstance(seed, int) else random.SystemRandom().randrange(2**32)


def _read(config: pytest.Config, name: str) -> Any:  # noqa: ANN401 - what the setting is
    setting = _SETTINGS[name]
    given: str | None = config.getoption(setting.ini)
    if given is not None:
        return _told(f"--{name}", setting.read, given)
    written = "" if name == "explore-replay" else str(config.getini(setting.ini))
    text = written or setting.default
    return None if text is None else _told(setting.ini, setting.read, text)


def _told(where: str, read: Callable[[str], T], text: str) -> T:
    try:
        return read(text)
    except ValueError as exc:
        raise pytest.UsageError(f"{where}={text}: {exc}") from None
