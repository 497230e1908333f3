"""
What is to be done with each test: what the session says, and what the test says of itself by markers.

A marker on a test goes before what the session says. ``explore(200)`` switches a tool on for one test, ``no_explore("why")`` off.

Laws: a mistake in a marker is told when tests are collected, with the test that has it. A test that a tool cannot be used on
is left as it is and counted with the reason; it is a mistake only if the test itself asked for the tool.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, cast

import attrs
import pytest
import trio

from ..leaks import Rule
from ..leaks._things import rules_from
from ..testing import InjectedFault
from ..testing._everywhere import rules_from as trial_rules_from
from ..testing._everywhere import verdicts_from
from ..testing._everywhere_report import Verdict
from ..testing._everywhere_trial import Rules
from ..testing._explore import MAX_STEPS
from ..testing._explore_asked import check_numbers
from ..testing._explore_search import Strategy
from ..testing._explore_token import Model
from ._options import OPTIONS, TOOLS, LeakMode, Options
from ._runs import Run, run_by_turn


@attrs.frozen(kw_only=True)
class Exploring:
    """
    How a test is explored.
    """

    schedules: int
    seed: int
    model: Model
    strategy: Strategy
    preemptions: int | None
    slack: float
    max_steps: int


@attrs.frozen(kw_only=True)
class Trying:
    """
    How a test is cancelled or failed everywhere.
    """

    fault: Callable[[], BaseException] | None
    """What waits are failed with; None if the test is cancelled."""

    tasks: str | None
    times: float
    rules: Rules
    accepted: frozenset[Verdict]
    schedules: int
    max_points: int
    seed: int
    """Which points are tried where there are more."""

    @property
    def kind(self) -> str:
        """
        The word that tokens begin with.
        """
        return "cancel" if self.fault is None else "fault"


@attrs.frozen(kw_only=True)
class Plan:
    """
    What is to be done with one test.
    """

    leaks: LeakMode
    ignore: tuple[Rule, ...]
    stuck_after: float | None
    tools: Mapping[str, Exploring | Trying]
    """By the name of the marker."""

    left_out: Mapping[str, str]
    """Tools that the session asked for and that are not used on this test, and why."""


PLAN: Final = pytest.StashKey[Plan]()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """
    Plan what is done with each test, and take the place of what runs trio for it.
    """
    mistakes: list[str] = []
    for item in items:
        previous = _runner_of(item)
        try:
            item.stash[PLAN] = _plan(item, config.stash[OPTIONS], previous)
        except (TypeError, ValueError) as exc:
            mistakes.append(f"{item.nodeid}: {exc}")
        if previous is not None:
            item.add_marker(pytest.mark.trio(run=functools.partial(run_by_turn, item, previous)), append=False)
    if mistakes:
        raise pytest.UsageError(*mistakes)


def _runner_of(item: pytest.Item) -> Run | None:
    """
    Return what pytest-trio runs *item* with; None if it does not run it, or not with trio itself.
    """
    markers = list(item.iter_markers("trio"))
    if not markers or not hasattr(item, "obj"):
        return None
    for marker in markers:
        if marker.kwargs.get("run") is not None:
            return None if "qtrio" in str(marker.kwargs["run"]) else marker.kwargs["run"]
    return trio.run if item.config.getini("trio_run") == "trio" else None


def _plan(item: pytest.Item, options: Options, previous: Run | None) -> Plan:
    tools: dict[str, Exploring | Trying] = {}
    left_out: dict[str, str] = {}
    hindrance, allowed = _hindrance(item, previous), _allowed(item)
    for tool, is_on in zip(
        TOOLS, (options.explore is not None, options.cancel, options.fault is not None), strict=True
    ):
        marker = _nearest(item, tool)
        off = marker is not None and marker.name != tool
        if off:
            left_out[tool] = f"no_{tool}"
        elif (marker is not None or is_on or _is_replayed(tool, options)) and hindrance:
            if marker is not None and marker in item.own_markers:
                raise ValueError(
                    f"@pytest.mark.{tool} is for async tests that pytest-trio runs, and this is {hindrance}."
                )
            left_out[tool] = hindrance
        elif marker is not None or is_on or _is_replayed(tool, options):
            tools[tool] = _allowing(_reads(tool)(options, marker), allowed)
    return Plan(
        leaks=_leak_mode(_nearest(item, "leak_check"), options),
        ignore=(*options.ignore, *_ignored(item)),
        stuck_after=_stuck_after(_nearest(item, "stuck_after"), options),
        tools=tools,
        left_out={tool: why for tool, why in left_out.items() if _is_asked(tool, options)},
    )


def _is_asked(tool: str, options: Options) -> bool:
    asked = {"explore": options.explore, "cancel_everywhere": options.cancel, "fault_everywhere": options.fault}
    return bool(asked[tool])


def _is_replayed(tool: str, options: Options) -> bool:
    """
    Tell whether the token that is replayed is one of *tool*.
    """
    kind = (options.replay or "").partition(":")[0].partition("+")[0]
    kinds = {"cancel": "cancel_everywhere", "fault": "fault_everywhere", "wide": "explore", "strict": "explore"}
    return kinds.get(kind) == tool


def _hindrance(item: pytest.Item, previous: Run | None) -> str:
    """
    Say what *item* is that it cannot be run again and again; nothing if it can.
    """
    function = getattr(item, "obj", None)
    if hasattr(function, "hypothesis") or getattr(function, "is_hypothesis_test", False):
        return "a test by hypothesis, which chooses its examples itself"
    if not inspect.iscoroutinefunction(function):
        return "not async"
    if previous is None:
        return "not run by trio.run"
    if item.get_closest_marker("xfail") is not None:
        return "expected to fail"
    return ""


def _nearest(item: pytest.Item, name: str) -> pytest.Mark | None:
    """
    Return the marker that switches something on or off, whichever is nearer to the test.
    """
    for node in reversed(item.listchain()):
        for marker in reversed(node.own_markers):
            if marker.name == name:
                return marker
            if marker.name == f"no_{name}":
                _check_reason(marker)
                return marker
    return None


def _check_reason(marker: pytest.Mark) -> None:
    reason, *others = (*marker.args, *marker.kwargs.values(), None)
    if not isinstance(reason, str) or not reason.strip() or others[:-1]:
        raise ValueError(f'@pytest.mark.{marker.name} takes a reason and nothing else: {marker.name}("why").')


def _leak_mode(marker: pytest.Mark | None, options: Options) -> LeakMode:
    if marker is None:
        return options.leaks
    if marker.name == "no_leak_check" or (options.leaks is LeakMode.OFF and not marker.args):
        return LeakMode.OFF
    mode = LeakMode(*_bound(marker, mode="error").values())
    if mode is LeakMode.OFF:
        raise ValueError('To let a test leak, write @pytest.mark.no_leak_check("why").')
    return mode


def _stuck_after(marker: pytest.Mark | None, options: Options) -> float | None:
    if marker is None:
        return options.stuck_after
    if marker.name == "no_stuck_after":
        return None
    seconds = _bound(marker, seconds=None)["seconds"]
    if not isinstance(seconds, int | float) or not 0 < seconds < float("inf"):
        raise ValueError(f"@pytest.mark.stuck_after takes a number of seconds, not {seconds!r}.")
    return float(seconds)


def _ignored(item: pytest.Item) -> Iterator[Rule]:
    for marker in item.iter_markers("leak_ignore"):
        if not marker.args or marker.kwargs:
            raise ValueError('@pytest.mark.leak_ignore takes patterns or Ignore rules: leak_ignore("poller").')
        yield from rules_from(marker.args)


def _allowed(item: pytest.Item) -> tuple[type[BaseException], ...]:
    """
    Return the errors that *item* raises on purpose.
    """
    allowed: list[type[BaseException]] = []
    for marker in item.iter_markers("everywhere_allow"):
        given: Any = marker.kwargs.get("raises", ())
        errors: Sequence[Any] = cast("Sequence[Any]", given) if isinstance(given, tuple) else (given,)
        has_reason = len(marker.args) == 1 and isinstance(marker.args[0], str) and set(marker.kwargs) == {"raises"}
        if not (has_reason and errors and all(map(_is_error, errors))):
            raise ValueError(
                '@pytest.mark.everywhere_allow takes a reason and one or more classes of errors: everywhere_allow("why", raises=OSError).'
            )
        allowed += errors
    return tuple(allowed)


def _is_error(thing: object) -> bool:
    return isinstance(thing, type) and issubclass(thing, BaseException)


def _allowing(how: Exploring | Trying, allowed: tuple[type[BaseException], ...]) -> Exploring | Trying:
    if isinstance(how, Exploring) or not allowed:
        return how
    return attrs.evolve(how, rules=attrs.evolve(how.rules, allow=(*how.rules.allow, *allowed)))


def _reads(tool: str) -> Callable[[Options, pytest.Mark | None], Exploring | Trying]:
    reads: dict[str, Callable[[Options, pytest.Mark | None], Exploring | Trying]] = {
        "explore": _exploring,
        "cancel_everywhere": _cancelling,
        "fault_everywhere": _failing,
    }
    return reads[tool]


def _exploring(options: Options, marker: pytest.Mark | None) -> Exploring:
    given = _bound(
        marker,
        schedules=options.explore or 200,
        seed=options.seed,
        model=options.model,
        strategy="combo",
        preemptions=options.preemptions,
        slack=options.slack,
        max_steps=MAX_STEPS,
    )
    given |= {"model": Model(given["model"]), "strategy": Strategy(given["strategy"])}
    numbers = ("schedules", "slack", "max_steps", "preemptions")
    check_numbers("explore", **{name: given[name] for name in numbers})
    return Exploring(**given)


MAX_POINTS: Final = 2000
"""
At how many points a test is cancelled or failed, if nobody says.
"""


def _everywhere(options: Options) -> Mapping[str, Any]:
    """
    Return what both markers take, and what it is where they do not say.
    """
    return {
        "check": None,
        "allow": (),
        "accept": (),
        "patience": 60.0,
        "schedules": 1,
        "max_points": options.points or MAX_POINTS,
        "max_steps": MAX_STEPS,
    }


def _cancelling(options: Options, marker: pytest.Mark | None) -> Trying:
    return _trying(options, _bound(marker, **_everywhere(options)) | {"fault": None, "tasks": None, "times": 1})


def _failing(options: Options, marker: pytest.Mark | None) -> Trying:
    defaults = {"fault": options.fault or InjectedFault, "tasks": None, "times": 1, **_everywhere(options)}
    given = _bound(marker, **defaults)
    if marker is None:  # A test that was not written for it says what holds if nothing fails.
        given["allow"] = (AssertionError, pytest.fail.Exception)
    return _trying(options, given)


def _trying(options: Options, given: dict[str, Any]) -> Trying:
    # The leak check of the test is around the whole of it, fixtures too.
    rules = trial_rules_from(given["check"], given["allow"], None, given["patience"], given["max_steps"])
    if given["schedules"] < 1 or given["max_points"] < 1:
        raise ValueError(
            f"schedules and max_points are at least 1, not {given['schedules']!r} and {given['max_points']!r}."
        )
    return Trying(
        fault=given["fault"],
        tasks=given["tasks"],
        times=given["times"],
        rules=rules,
        accepted=verdicts_from(given["accept"]),
        schedules=given["schedules"],
        max_points=given["max_points"],
        seed=options.seed,
    )


def _bound(marker: pytest.Mark | None, **defaults: Any) -> dict[str, Any]:  # noqa: ANN401 - what a marker takes
    """
    Return what *marker* was given, in the place of *defaults*; only the first of these may be given by place.
    """
    if marker is None:
        return dict(defaults)
    if unknown := sorted(set(marker.kwargs) - set(defaults)):
        known = ", ".join(f"{name}=" for name in defaults)
        raise TypeError(f"@pytest.mark.{marker.name} does not take {', '.join(unknown)}. It takes {known}.")
    by_place = dict(zip(list(defaults)[:1], marker.args[:1], strict=False))
    if len(marker.args) > 1:
        raise TypeError(
            f"@pytest.mark.{marker.name} takes one value by place, not {len(marker.args)}: {marker.args!r}."
        )
    return {**defaults, **by_place, **marker.kwargs}
