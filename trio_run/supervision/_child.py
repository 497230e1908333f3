"""
The child: one entry of a supervisor.

A value that says what is run, under which name, and by which rules. It can be checked, kept and used for many lives; running
it is for the shell.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, final

import attrs

from .._names import checked, name_of
from .._runner import Recipe, adapt
from ._policy import Restart, check_number


@final
@attrs.frozen(init=False)
class Child:
    """
    A runner under a supervisor, with its name and its rules.

    Args:
        runner: An async function, an async method, an object with ``async def run()``, or a class or annotated factory of
            such objects; with a class or factory, every life gets a fresh object. If it takes a keyword ``task_status``, the
            child is ready when it calls ``task_status.started()``; otherwise, once it runs.
        *args: Arguments for the function, or for the class or factory. Keywords go into a `functools.partial`.
        name: What the child is called; unique among its siblings. The default is guessed from *runner*.
        restart: When it is started again after it ended; the member or its string.
        grace: Seconds between being asked to stop and being cancelled. A child that does not listen for the request (with
            `stopping`, `wait_stopping` or `cancel_on_stop`) is cancelled at once. The default is 5; for a supervisor, as long
            as its own *grace* says.

    Raises:
        TypeError: *runner* cannot run, *args* do not fit it, or something has the wrong type.
        ValueError: *name*, *restart* or *grace* is out of range.
    """

    name: str
    restart: Restart
    grace: float = attrs.field(validator=check_number)
    runner: object = attrs.field(repr=False)
    recipe: Recipe = attrs.field(repr=False)
    __attrs_init__: ClassVar[Callable[..., None]]

    def __init__(
        self,
        runner: object,
        *args: object,
        name: str | None = None,
        restart: Restart | str = Restart.ALWAYS,
        grace: float | None = None,
    ) -> None:
        recipe = adapt(runner, args)
        if name is None:
            named = getattr(runner, "name", None)  # A supervisor has one.
            name = named if isinstance(named, str) else name_of(runner)
        if grace is None:
            own = getattr(runner, "grace", None)
            grace = own if isinstance(own, int | float) else 5.0
        self.__attrs_init__(checked(name, f"the child {runner!r}"), Restart(restart), grace, runner, recipe)


def as_child(thing: object) -> Child:
    """
    Return *thing* if it is a child, and a child that runs it otherwise.
    """
    return thing if isinstance(thing, Child) else Child(thing)
