"""
What the tools did in a session, told at its end.

Each test's news travels on its report, so that it comes from a worker of pytest-xdist as from anywhere. The session that was
started by hand keeps the tokens.

Law: what was asked for and not done is told, with the reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final

import attrs
import pytest

from ._fixtures import order_fixtures
from ._options import MARKERS, OPTIONS, options_of, worker_input
from ._tokens import write_tokens
from ._tools import Found


@attrs.define
class News:
    """
    What is to be told of one test, or of all.
    """

    runs: int = 0
    """On how many schedules it was run."""

    points: int = 0
    """At how many points something was done to it."""

    untried: int = 0
    """At how many it was not, since there were too many."""

    tokens: list[str] | None = None
    """What it fails with, or an empty list for what failed before; None if there is nothing to keep."""

    notes: list[str] = attrs.field(factory=list[str])
    left_out: dict[str, str] = attrs.field(factory=dict[str, str])

    def learn(self, found: Found, tried: Sequence[str]) -> None:
        """
        Take in what a tool found, after it tried the tokens of another time.
        """
        self.runs += found.runs
        self.points += found.points
        self.untried += found.untried
        self.notes += found.notes
        if found.tokens or tried:
            self.tokens = [*(self.tokens or ()), *found.tokens]


_NAME: Final = "trio_run"


def attach(reports: Sequence[pytest.TestReport], news: News) -> None:
    """
    Send *news* along with the last of *reports*.
    """
    setattr(reports[-1], _NAME, attrs.asdict(news))


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """
    Read what is set, tell pytest of the markers, and begin to listen.
    """
    for line in MARKERS:
        config.addinivalue_line("markers", line)
    config.stash[OPTIONS] = options_of(config)
    config.pluginmanager.register(Summary(config), "trio_run summary")
    order_fixtures()


@attrs.define(eq=False)
class Summary:
    """
    What was told in a session so far.
    """

    config: pytest.Config
    news: dict[str, News] = attrs.field(factory=dict[str, News])
    """By the id of the test."""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """
        Take in the news of a test.
        """
        told: dict[str, Any] | None = getattr(report, _NAME, None)
        if told is not None:
            self.news[report.nodeid] = News(**told)

    def pytest_sessionfinish(self) -> None:
        """
        Keep the tokens, if this is not a worker.
        """
        if worker_input(self.config) is None:
            tokens = {test: news.tokens for test, news in self.news.items() if news.tokens is not None}
            write_tokens(self.config, tokens)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """
        Tell what the tools did.
        """
        lines = list(self._lines())
        if lines:
            terminalreporter.section("trio_run")
            for line in lines:
                terminalreporter.line(line)

    def _lines(self) -> Iterator[str]:
        explored = [news.runs for news in self.news.values() if news.runs]
        tried = [news.points for news in self.news.values() if news.points]
        if explored:
            seed = self.config.stash[OPTIONS].seed
            yield f"{_many(len(explored), 'test')} ran on {_many(sum(explored), 'schedule')} (--explore-seed={seed})."
        if tried:
            yield f"Something was done to {_many(len(tried), 'test')} at {_many(sum(tried), 'point')}."
        untried = [news.untried for news in self.news.values() if news.untried]
        if untried:
            yield (
                f"{_many(sum(untried), 'point')} of {_many(len(untried), 'test')} were not tried: those above were drawn by "
                f"--explore-seed={self.config.stash[OPTIONS].seed}, and --everywhere-points=N tries more."
            )
        left_out = Counter(each for news in self.news.values() for each in news.left_out.items())
        for (tool, why), count in sorted(left_out.items()):
            yield f"{_many(count, 'test')} left out of {tool}: {why}."
        for test, news in self.news.items():
            for note in news.notes:
                yield f"{test}:"
                yield from (f"  {line}" for line in note.splitlines())


def _many(count: int, thing: str) -> str:
    return f"{count} {thing}{'' if count == 1 else 's'}"
