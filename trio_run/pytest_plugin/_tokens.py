"""
The tokens of what failed, kept from one session to the next, and how to run one again.

They stand in pytest's cache, by the id of the test. Workers of pytest-xdist read them, and hand what is new to the session that
started them, which alone writes.

Laws: a token that fails is kept until it no longer does. Nothing is written by two at once.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

import attrs
import pytest

from ..testing import Point

KEY: Final = "trio_run/tokens"

MOST: Final = 3
"""
How many tokens of one test are kept by each tool.
"""


def read_tokens(config: pytest.Config) -> dict[str, list[str]]:
    """
    Return the tokens that are kept, by the ids of the tests.
    """
    cache: pytest.Cache | None = getattr(config, "cache", None)
    kept: object = None if cache is None else cast("Any", cache).get(KEY, {})
    return cast("dict[str, list[str]]", kept) if isinstance(kept, dict) else {}


def write_tokens(config: pytest.Config, news: Mapping[str, Sequence[str]]) -> None:
    """
    Keep other tokens for some of the tests.
    """
    cache: pytest.Cache | None = getattr(config, "cache", None)
    if cache is not None and news:
        tokens: dict[str, list[str]] = read_tokens(config) | {test: list(each) for test, each in news.items()}
        cache.set(KEY, {test: each for test, each in tokens.items() if each})


def token_of(kind: str, point: Point) -> str:
    """
    Return the token of a point at which something was done to a test.
    """
    return f"{kind}:{point.number}" + (f"/{point.schedule}" if point.schedule else "")


@attrs.frozen
class At:
    """
    A point, as a token tells it.
    """

    number: int
    schedule: int

    @classmethod
    def read(cls, token: str) -> At:
        """
        Return the point that *token* stands for.

        Raises:
            ValueError: *token* is none.
        """
        _kind, _colon, where = token.partition(":")
        number, _slash, schedule = where.partition("/")
        try:
            return cls(int(number), int(schedule or 0))
        except ValueError:
            raise ValueError(f"{token!r} is no token of a point. One looks like 'cancel:12'.") from None


def command(item: pytest.Item, token: str) -> str:
    """
    Return what runs *item* again as *token* tells.
    """
    words = ["pytest", item.nodeid, f"--explore-replay={token}"]
    seed = item.config.getoption("randomly_seed", None)
    if isinstance(seed, int):
        words.append(f"--randomly-seed={seed}")
    return " ".join(map(shlex.quote, words))
