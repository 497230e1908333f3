"""
The order in which pytest-trio starts the async fixtures of a test.

It keeps them in a set, and so in an order that depends on where they lie in memory. Runs on one schedule would differ.

Law: the same test has its fixtures started in the same order in each run and each process.
"""

from __future__ import annotations

import contextlib
import importlib
import zlib
from typing import Any


def order_fixtures() -> None:
    """
    Have the order depend on the names of the fixtures alone, if pytest-trio is there.
    """
    with contextlib.suppress(ImportError, AttributeError):
        plugin: Any = importlib.import_module("pytest_trio.plugin")
        plugin.TrioFixture.__hash__ = _hash_of_name


def _hash_of_name(fixture: Any) -> int:  # noqa: ANN401 - a class of pytest-trio's that it does not hand out
    return zlib.crc32(fixture.name.encode())
