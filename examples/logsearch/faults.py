"""
Failures on demand, to see what becomes of them.

A child that can be made to fail says so with `Faults.exposed`. Who may ask for a failure is not decided here.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator

import attrs
import trio


class Fault(Exception):
    """
    A failure that somebody asked for.
    """


@attrs.define(eq=False)
class Faults:
    """
    The children that can be made to fail at the moment.
    """

    _scopes: dict[str, trio.CancelScope] = attrs.field(factory=dict)

    @property
    def names(self) -> list[str]:
        """
        Who can be made to fail.
        """
        return sorted(self._scopes)

    @contextlib.contextmanager
    def exposed(self, name: str) -> Generator[None]:
        """
        Let the block be ended by a failure, wherever it waits.

        Raises:
            Fault: Somebody asked for it.
        """
        with trio.CancelScope() as scope:
            self._scopes[name] = scope
            try:
                yield
            finally:
                del self._scopes[name]
        if scope.cancelled_caught:
            raise Fault(f"{name} was asked to fail.")

    def strike(self, name: str) -> None:
        """
        Make a child fail.

        Raises:
            KeyError: There is no such child now.
        """
        self._scopes[name].cancel(reason="a fault was asked for")
