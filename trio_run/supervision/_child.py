"""
The child: one entry of a supervisor.

A value that says what is run, under which name, and by which rules. It can be checked, kept and used for many lives; running
it is for the shell.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, final

import attrs

from .._names import called, checked, is_name, name_of
from .._runner import Recipe, adapt, is_async
from ._outcome import Classify
from ._policy import Backoff, Budget, Restart
from ._probe import Probe
from ._rules import MaxAge, OnGiveUp, Rules, check_type
from ._start_order import in_order


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
            as its own *grace* says. With `extend` it asks for more.
        backoff: How long to wait before a restart; the default is that of the supervisor.
        budget: How many restarts of this child are forgiven, besides the budget of the supervisor, which counts them too.
        on_give_up: What becomes of it when its own budget is spent: its supervisor gives up, or it is parked, or dropped.
        start_timeout: For how many seconds a life may take to become ready. One that takes longer, and does not ask for more
            with `extend`, is cancelled, and that is a failed start.
        beat: For how many seconds it may be silent once it is ready: it gives a sign of life with `beat`. One that is silent for
            longer is unhealthy: it is stopped as usual, and has failed.
        probe: A question that is asked again and again once it is ready; a child that fails it is unhealthy.
        max_age: After how many seconds of being up it is recycled: stopped as usual, and started anew, which is no failure.
        significant: Whether its end may be that of the supervisor, as that one's *exit_when* says. From OTP.
        after: The names of siblings that have to be ready before it starts, and go down after it does.
        classify: Is asked what an error means, and answers with a `Decision` or its string. Of a group it is asked about each
            error, and the gravest answer counts; a `GaveUp` is asked about as a whole. Called in the task of the child, and
            must not block. If it raises itself, both errors together are a failure.

    Raises:
        TypeError: *runner* cannot run, *args* do not fit it, or something has the wrong type.
        ValueError: *name* or a number is out of range, or two rules contradict each other.
    """

    name: str
    rules: Rules
    runner: object = attrs.field(repr=False)
    recipe: Recipe = attrs.field(repr=False)
    classify: Classify | None = attrs.field(default=None, repr=False)
    probe: Probe | None = attrs.field(default=None, repr=False)
    __attrs_init__: ClassVar[Callable[..., None]]

    def __init__(
        self,
        runner: object,
        *args: object,
        name: str | None = None,
        restart: Restart | str = Restart.ALWAYS,
        grace: float | None = None,
        backoff: Backoff | None = None,
        budget: Budget | None = None,
        on_give_up: OnGiveUp | str = OnGiveUp.ESCALATE,
        start_timeout: float = math.inf,
        beat: float = math.inf,
        probe: Probe | None = None,
        max_age: float | MaxAge | None = None,
        significant: bool = False,
        after: Sequence[str] | None = None,
        classify: Classify | None = None,
    ) -> None:
        recipe = adapt(runner, args)
        if name is None:
            name = called(runner)
        if classify is not None and (not callable(classify) or is_async(classify)):
            raise TypeError(f"classify takes a function that is not async, not {classify!r}.")
        if probe is not None:
            check_type(Probe, "probe", probe)
        if grace is None:
            own = getattr(runner, "grace", None)  # A supervisor has one.
            grace = own if isinstance(own, int | float) else None
        said = (restart, grace, backoff, budget, on_give_up, start_timeout, beat, max_age, significant, after)
        rules = _KEPT
        if said != _NOTHING_SAID:
            rules = Rules(
                restart=Restart.of(restart),
                grace=5.0 if grace is None else grace,
                backoff=backoff,
                budget=budget,
                on_give_up=OnGiveUp.of(on_give_up),
                start_timeout=start_timeout,
                beat=beat,
                max_age=MaxAge(max_age) if isinstance(max_age, int | float) else max_age,
                significant=significant,
                after=None if after is None else _names(after),
            )
        if not is_name(name):
            checked(name, f"the child {name_of(runner)}")
        self.__attrs_init__(name, rules, runner, recipe, classify, probe)

    @property
    def restart(self) -> Restart:
        """
        When it is started again after it ended.
        """
        return self.rules.restart

    @property
    def grace(self) -> float:
        """
        Seconds between being asked to stop and being cancelled.
        """
        return self.rules.grace


_KEPT = Rules()  # By which children are kept of which nothing else is said: most, and there may be very many.
_NOTHING_SAID = (Restart.ALWAYS, None, None, None, OnGiveUp.ESCALATE, math.inf, math.inf, None, False, None)


def _names(after: Sequence[str]) -> tuple[str, ...]:
    if isinstance(after, str) or not all(isinstance(name, str) for name in after):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"after takes the names of children in a list or tuple, not {after!r}.")
    return tuple(after)


_ONCE = Rules(restart=Restart.NEVER)


def once(runner: object, args: tuple[object, ...], name: str) -> Child:
    """
    Return a child that runs once, by the rules of all such: there may be very many, and they come in a hurry.
    """
    child = Child.__new__(Child)
    child.__attrs_init__(checked(name, "a child that runs once"), _ONCE, runner, adapt(runner, args), None, None)
    return child


def in_turn(children: Mapping[str, Child]) -> Mapping[str, Child]:
    """
    Return *children*, by their names, so that each comes after those that it names.

    Raises:
        ValueError: One names a child that there is not, or they wait for each other.
    """
    if not any(child.rules.after for child in children.values()):
        return children
    return {
        name: children[name] for name in in_order({name: each.rules.after or () for name, each in children.items()})
    }


def renamed(child: Child, name: str) -> Child:
    """
    Return the same child under another name.
    """
    twin = copy.copy(child)
    object.__setattr__(twin, "name", checked(name, f"the child {child.runner!r}"))  # It is frozen for everybody else.
    return twin


def as_child(thing: object) -> Child:
    """
    Return *thing* if it is a child, and a child that runs it otherwise.
    """
    return thing if isinstance(thing, Child) else Child(thing)
