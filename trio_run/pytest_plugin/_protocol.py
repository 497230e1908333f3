"""
What pytest does with one test: once as it is, and then with each tool that is on for it.

Laws: a test that fails or is skipped as it is, is reported so, and no tool is used on it. The report that is made in the end
says how long all of it took.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any, cast

import attrs
import pytest

from ._collecting import PLAN, Exploring, Plan
from ._laps import Lap, Laps, fail
from ._options import OPTIONS, LeakMode
from ._runs import TURN, AsItIs
from ._summary import News, attach
from ._tokens import read_tokens
from ._tools import NotTried, explore, replay, try_everywhere


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """
    Run a test, once or many times, unless there is nothing to do for this plugin.
    """
    plan = item.stash.get(PLAN, None)
    if plan is None or (not plan.tools and _is_left_to_others(item, plan)):
        return None
    hook = item.ihook
    hook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    reports = _Protocol(item, plan, Laps(item, nextitem)).reports()
    for report in reports:
        hook.pytest_runtest_logreport(report=report)
    hook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


def _is_left_to_others(item: pytest.Item, plan: Plan) -> bool:
    """
    Tell whether another plugin runs tests in a way of its own, or there is nothing to add to pytest's.
    """
    if plan.leaks is LeakMode.OFF and plan.stuck_after is None and not plan.left_out:
        return True
    others = (
        each
        for each in item.config.hook.pytest_runtest_protocol.get_hookimpls()
        if not (each.hookwrapper or each.wrapper) and each.function is not pytest_runtest_protocol
    )
    return any(each.plugin_name != "runner" for each in others)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """
    Put what a run needs around the test function, below pytest-trio and the fixtures.
    """
    turn = item.stash.get(TURN, None)
    if turn is not None and not isinstance(turn, AsItIs):
        function = cast("pytest.Function", item).obj
        around = turn.around(function)
        if around is not function:
            cast("pytest.Function", item).obj = around
    return (yield)


@attrs.define(eq=False)
class _Protocol:
    """
    All that is done with one test.
    """

    item: pytest.Item
    plan: Plan
    laps: Laps
    news: News = attrs.field(factory=News)

    def reports(self) -> Sequence[pytest.TestReport]:
        """
        Run the test, and return what is reported of it.
        """
        self.news.left_out.update(self.plan.left_out)
        reports = self._with_tools() if self.plan.tools else list(self.laps.only(AsItIs()).reports)
        attach(reports, self.news)
        return reports

    def _with_tools(self) -> list[pytest.TestReport]:
        token = self.item.config.stash[OPTIONS].replay
        if token is not None:
            reports = self._replayed(token)
        else:
            lap = self.laps.once(AsItIs())
            reports = list(lap.reports)
            if not lap.failed and not lap.skipped:
                reports = self._searched(lap)
        reports += self.laps.end()
        return reports

    def _replayed(self, token: str) -> list[pytest.TestReport]:
        how = next(iter(self.plan.tools.values()))
        try:
            found = replay(self.laps, how, token)
        except NotTried as exc:
            return list(exc.lap.reports)
        except ValueError as exc:
            lap = self.laps.once(AsItIs())
            fail(lap.reports, str(exc), "replay")
            return list(lap.reports)
        self.news.notes += found.notes
        lap = found.lap or self.laps.once(AsItIs())
        if found.text:
            fail(lap.reports, found.text, "trio_run: replay")
        return list(lap.reports)

    def _searched(self, lap: Lap) -> list[pytest.TestReport]:
        """
        Use each tool, until one finds something.
        """
        kept = read_tokens(self.item.config).get(self.item.nodeid, [])
        for tool, how in self.plan.tools.items():
            kinds = ("wide", "strict") if isinstance(how, Exploring) else (how.kind,)
            ours = [token for token in kept if token.startswith(kinds)]
            try:
                found = (
                    explore(self.laps, how, ours)
                    if isinstance(how, Exploring)
                    else try_everywhere(self.laps, how, ours)
                )
            except NotTried as exc:
                if exc.lap.failed:
                    fail(exc.lap.reports, "It failed in virtual time, with nothing done to it.", f"trio_run: {tool}")
                if exc.lap.failed or exc.lap.skipped:
                    return list(exc.lap.reports)
                self.news.left_out[tool] = "it moves a clock of its own"
                continue
            self.news.learn(found, ours)
            if found.text:
                failed = found.lap or lap
                fail(failed.reports, found.text, f"trio_run: {tool}")
                return list(failed.reports)
        return list(lap.reports)
