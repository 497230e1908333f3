"""
An actor: a runner together with its own way to end.

A value that says what is run and how it is ended. What happens when several end together is in `_show`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, final

import attrs

from .._names import called, checked, name_of
from .._runner import adapt
from ._show import new_show
from ._spec import OnExit, Spec, checked_interrupt


@final
@attrs.frozen(init=False)
class Actor(Spec):
    """
    A runner together with its own way to end.

    An actor is a runner itself: a `Child` can hold one, and its interrupt is then what a request to stop does.

    Args:
        execute: What runs: anything that may stand for a runner, a `Supervisor` among them.
        *args: Its arguments; keyword arguments go into a `functools.partial`.
        interrupt: What makes *execute* return; a function, sync or async. It may be called when *execute* has returned already,
            must not block, and is called once. If it takes a keyword ``cause``, it is given the error that ended the first
            actor, or None. The default is to ask softly: *execute* hears of it by `stopping`, `wait_stopping` or
            `cancel_on_stop`, and is cancelled at once if it does not listen.
        name: What logs call it. The default is guessed from *execute*.
        on_exit: What its end means to the others; the member or its string.
        grace: Seconds between the interrupt and being cancelled. An async interrupt is cancelled then too. The default is 5;
            for a supervisor, as long as its own *grace* says.

    Raises:
        TypeError: *execute* cannot run, *args* do not fit it, or *interrupt* cannot be called as it would be.
        ValueError: *name*, *on_exit* or *grace* is out of range.

    The pair of execute and interrupt is the idea of Go's oklog/run.
    """

    __attrs_init__: ClassVar[Callable[..., None]]

    def __init__(
        self,
        execute: object,
        *args: object,
        interrupt: Callable[..., object] | None = None,
        name: str | None = None,
        on_exit: OnExit | str = OnExit.INTERRUPT,
        grace: float | None = None,
    ) -> None:
        recipe = adapt(execute, args)
        if name is None:
            name = called(execute)
        if grace is None:
            own = getattr(execute, "grace", None)
            grace = own if isinstance(own, int | float) else 5.0
        if isinstance(grace, bool) or not isinstance(grace, int | float):
            raise TypeError(f"The grace of the actor {name!r} is a number of seconds, not {grace!r}.")
        if not grace >= 0:
            raise ValueError(f"The grace of the actor {name!r} is {grace!r}, and has to be 0 seconds or more.")
        checked_name = checked(name, f"the actor {name_of(execute)}")
        self.__attrs_init__(checked_name, OnExit(on_exit), grace, checked_interrupt(interrupt, name), execute, recipe)

    async def run(self) -> None:
        """
        Run it alone, until it ends or is asked to stop.

        Raises:
            ExceptionGroup: What it or its interrupt raised.

        Cancellation:
            As for `run_actors`.
        """
        show = new_show(self.name, self)
        show.lone = True
        await show.run((self,))


def as_actor(thing: object) -> Actor:
    """
    Return *thing* if it is an actor, and an actor that runs it otherwise.
    """
    return thing if isinstance(thing, Actor) else Actor(thing)
