"""
What there is to know of an actor before it runs.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable

import attrs

from .._names import name_of
from .._runner import Recipe
from .._word import Word


class OnExit(Word):
    """
    What the end of an actor means to the others.
    """

    INTERRUPT = "interrupt"
    """They are interrupted, whether it returned or raised."""

    OPTIONAL = "optional"
    """Nothing if it returned; if it raised they are interrupted."""

    DAEMON = "daemon"
    """Nothing, and nobody waits for it: when only daemons are left they are interrupted. What it raises is raised in the end."""


@attrs.frozen
class Spec:
    """
    An actor, checked.
    """

    name: str
    on_exit: OnExit
    grace: float
    interrupt: Interrupt | None
    execute: object = attrs.field(repr=False)
    recipe: Recipe = attrs.field(repr=False)


@attrs.frozen
class Interrupt:
    """
    How to make an actor end.
    """

    function: Callable[..., object]
    takes_cause: bool

    def __call__(self, cause: Exception | None) -> object:
        """
        Call it, and return what is to be awaited, if it is async.
        """
        return self.function(cause=cause) if self.takes_cause else self.function()


def checked_interrupt(interrupt: object, name: str) -> Interrupt | None:
    """
    Return how to call *interrupt*, of the actor *name*.

    Raises:
        TypeError: It cannot be called as it would be.
    """
    if interrupt is None:
        return None
    if not callable(interrupt):
        if inspect.iscoroutine(interrupt):
            interrupt.close()  # It will never be awaited, and Python need not warn of that on top.
        raise TypeError(
            f"The interrupt of the actor {name!r} is a function, to be called when the actor is to end, not {interrupt!r}."
        )
    try:
        signature = inspect.signature(interrupt)
    except (TypeError, ValueError):  # Written in C, with no signature to look at.
        return Interrupt(interrupt, takes_cause=False)
    takes_cause = "cause" in signature.parameters
    try:
        signature.bind(**({"cause": None} if takes_cause else {}))
    except TypeError as exc:
        raise TypeError(
            f"{name_of(interrupt)}{signature}, the interrupt of the actor {name!r}, is called with nothing, or with a keyword "
            f"`cause` if it takes one: {exc}. Other arguments go into a functools.partial."
        ) from None
    return Interrupt(interrupt, takes_cause)
