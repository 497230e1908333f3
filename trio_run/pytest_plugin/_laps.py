"""
Laps: a test is set up, run and torn down, again and again.

Each lap has its function-scoped fixtures made anew, and its instance of the class. Fixtures of a class, a module or the session
stay, as they do from one test to the next. How often and what for is for others to say.

Law: a leak fails the lap that it happened in, and hides no other failure of it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any, cast

import attrs
import pytest
from _pytest.runner import runtestprotocol

from ..leaks import Leak
from ._caps import WAS_ENDED, capped, rearm
from ._collecting import PLAN
from ._leaks import HANDS_OVER, JUDGED, report_leak
from ._runs import TURN, Turn


@attrs.frozen
class Lap:
    """
    What came of one lap.
    """

    reports: tuple[pytest.TestReport, ...]
    leaks: tuple[Leak, ...] = ()
    was_ended: bool = False
    """Whether it took too long."""

    @property
    def failed(self) -> bool:
        """
        Whether any of it failed.
        """
        return any(report.failed for report in self.reports)

    @property
    def skipped(self) -> bool:
        """
        Whether it was skipped, or expected to fail.
        """
        return any(report.skipped for report in self.reports)

    def what_failed(self) -> str:
        """
        Return the first line of the first failure.
        """
        texts = (_summary(report) for report in self.reports if report.failed)
        return next(texts, "")


def _summary(report: pytest.TestReport) -> str:
    crash = getattr(report.longrepr, "reprcrash", None)
    return f"{report.when}: {crash.message if crash is not None else report.longreprtext}"


@attrs.define(eq=False)
class Laps:
    """
    All laps of one test.
    """

    item: pytest.Item
    nextitem: pytest.Item | None
    count: int = 0
    seconds: dict[str, float] = attrs.field(factory=dict[str, float])
    """How long each phase took in all laps."""

    _function: Any = attrs.field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        self._function = vars(self.item).get("_obj")

    def only(self, turn: Turn) -> Lap:
        """
        Run the only lap of a test.
        """
        return self._lap(turn, self.nextitem)

    def once(self, turn: Turn) -> Lap:
        """
        Run one lap of many; there has to be an `end`.
        """
        # The parent stands for a next test that shares all fixtures but those of this test.
        return self._lap(turn, cast("pytest.Item", self.item.parent))

    def end(self) -> tuple[pytest.TestReport, ...]:
        """
        End what the next test does not need; return the report of it if that fails.
        """
        state: Any = self.item.session._setupstate  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
        call = pytest.CallInfo[None].from_call(lambda: state.teardown_exact(self.nextitem), when="teardown")
        report: pytest.TestReport = self.item.ihook.pytest_runtest_makereport(item=self.item, call=call)
        return (report,) if report.failed else ()

    def _lap(self, turn: Turn, nextitem: pytest.Item | None) -> Lap:
        item = self.item
        if self.count:
            self._make_anew()
        self.count += 1
        item.stash[TURN], item.stash[HANDS_OVER] = turn, True
        with capped(item, item.stash[PLAN].stuck_after):
            reports = runtestprotocol(item, log=False, nextitem=nextitem)
        judged = item.stash[JUDGED]
        if judged.error is not None:
            _blame(item, reports, judged.error)
        for report in reports:
            self.seconds[report.when] = report.duration = self.seconds.get(report.when, 0.0) + report.duration
        return Lap(tuple(reports), judged.leaks, item.stash[WAS_ENDED])

    def _make_anew(self) -> None:
        """
        Have the test forget the lap before.
        """
        item = self.item
        for name in ("_instance", "_obj"):
            vars(item).pop(name, None)
        if getattr(item, "cls", None) is None and self._function is not None:
            vars(item)["_obj"] = self._function
        item._report_sections.clear()  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
        item.user_properties.clear()
        rearm(item)


def _blame(item: pytest.Item, reports: Sequence[pytest.TestReport], error: Exception) -> None:
    """
    Have the test fail for what it left behind.
    """
    try:
        report_leak(item, error)
    except Exception as exc:  # noqa: BLE001 - a LeakError, or a warning that is an error here
        fail(reports, f"{type(exc).__name__}: {exc}", "leaks")


def fail(reports: Sequence[pytest.TestReport], text: str, title: str) -> None:
    """
    Have the report of the test fail with *text*; below what it failed with otherwise.
    """
    report = next((each for each in reports if each.failed), None)
    if report is not None:
        report.sections.append((title, text))
        return
    report = next((each for each in reports if each.when == "call"), reports[-1])
    report.outcome, report.longrepr = "failed", text
    with contextlib.suppress(AttributeError):
        del report.wasxfail
