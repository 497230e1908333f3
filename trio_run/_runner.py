"""
What may stand for a runner, and how each life of it begins.

A runner is an async function, an async method, a partial of one, an object with ``async def run()``, or a class or annotated
factory that makes such an object: then each life gets a fresh one. Anything else is refused here, at construction, with an
error that guesses the mistake.

This file adapts and checks; it starts nothing, and does not know what a supervisor is.

Laws: readiness is a matter of the signature: who takes ``task_status`` says when it is ready, who does not is ready once it
runs. Arguments that do not fit are refused before anything runs.
"""

from __future__ import annotations

import contextlib
import enum
import functools
import inspect
import types
import typing
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, Self, cast, runtime_checkable

import attrs
import trio

from ._names import name_of, unwrapped
from ._step import AWAITABLE, already_called, around


@runtime_checkable
class Runner(Protocol):
    """
    An object that works until it is done, fails or is cancelled.

    ``run`` may take a keyword ``task_status``; it is then ready when it calls ``task_status.started()``.
    """

    run: Callable[..., Awaitable[object]]
    """The work, as an ``async def``."""


class _Kind(enum.Enum):
    """
    How a life begins.
    """

    CALL = "call"
    """Call it and await what comes back."""

    MAKE = "make"
    """Call it for a fresh runner, and run that."""


@attrs.frozen
class Recipe:
    """
    How to begin a life of some runner, as often as needed.
    """

    function: Callable[..., object]
    args: tuple[object, ...]
    kind: _Kind
    takes_task_status: bool

    def begin(self, task_status: trio.TaskStatus[Any]) -> Awaitable[object]:
        """
        Begin one life and return what is to be awaited.

        Raises:
            TypeError: What was called turned out not to be async.
        """
        keywords: dict[str, Any] = {"task_status": task_status} if self.takes_task_status else {}
        function, args = self.function, self.args
        if self.kind is _Kind.MAKE:
            made = function(*args)
            run = getattr(made, "run", None)
            if not callable(run):
                raise TypeError(f"{name_of(self.function)} made {made!r}, which has no `async def run(self)`.")
            function, args = run, ()
        awaitable = function(*args, **keywords)
        if not isinstance(awaitable, AWAITABLE):
            raise TypeError(f"{_title(function)} returned {awaitable!r}, which cannot be awaited. {_HELP}")
        return around(cast("Awaitable[object]", awaitable))


def adapt(runner: object, args: tuple[object, ...]) -> Recipe:
    """
    Return the recipe for *runner* with *args*.

    Raises:
        TypeError: *runner* is nothing that can run, or *args* do not fit it.
    """
    recipe = _plain_recipe(runner, args)
    if recipe is not None:
        return recipe
    product = _class_of(unwrapped(runner))
    if product is not None:
        return _adapt_maker(cast("Callable[..., object]", runner), args, product)
    run = getattr(runner, "run", None)
    if callable(run) and not inspect.isroutine(runner):
        return _adapt_function(run, args)
    mistake = already_called(runner)
    if mistake is not None:
        raise TypeError(f"A runner is an async function, but {mistake}, with the arguments after it.")
    if not callable(runner):
        raise TypeError(
            f"{runner!r} cannot run. A runner is an async function, an object with `async def run()`, "
            f"or a class of such objects."
            + (" Give what is in it one by one: *children." if isinstance(runner, list | tuple) else "")
        )
    product = None if is_async(runner) else _product(runner)
    return _adapt_function(runner, args) if product is None else _adapt_maker(runner, args, product)


def _plain_recipe(runner: object, args: tuple[object, ...]) -> Recipe | None:
    """
    Return the recipe for an undecorated async function or method that takes just *args*, as most do; None for all else.
    """
    code = _plain_code(runner)
    if code is None or not code.co_flags & inspect.CO_COROUTINE:
        return None
    takes = _names_task_status(code)
    if not _takes_just(code, runner, args, ("task_status",) if takes else ()):
        return None
    return Recipe(runner, args, _Kind.CALL, takes)  # type: ignore[arg-type]  # what has such code can be called


def _adapt_function(function: Callable[..., object], args: tuple[object, ...]) -> Recipe:
    if not may_be_async(function):
        raise TypeError(_not_async(function))
    takes = _takes_task_status(function)
    check_args(function, args, ("task_status",) if takes else (), "Keyword arguments go into a functools.partial.")
    return Recipe(function, args, _Kind.CALL, takes)


def _adapt_maker(maker: Callable[..., object], args: tuple[object, ...], product: type) -> Recipe:
    run = getattr(product, "run", None)
    if not callable(run):
        raise TypeError(f"{product.__name__} cannot run: it has no `async def run(self)`.")
    if not is_async(run):
        raise TypeError(f"{product.__name__}.run is not async: write `async def run(self)`.")
    takes = _takes_task_status(run)
    check_args(maker, args, (), "Keyword arguments go into a functools.partial.")
    if isinstance(inspect.getattr_static(product, "run"), types.FunctionType):
        run = types.MethodType(run, product)
    if isinstance(run, types.FunctionType | types.MethodType):
        hint = f"Arguments are for {product.__name__}; its run gets none but task_status."
        check_args(run, (), ("task_status",) if takes else (), hint)
    return Recipe(maker, args, _Kind.MAKE, takes)


def _class_of(thing: object) -> type | None:
    """
    Return *thing* if it is a class, and ``Server`` if it is ``Server[int]``.
    """
    thing = getattr(thing, "__origin__", thing)
    return thing if isinstance(thing, type) else None


def is_async(function: object) -> bool:
    """
    Tell whether calling *function* gives a coroutine, as far as that can be seen from outside.
    """
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(_innermost(function))


def may_be_async(function: object) -> bool:
    """
    Tell whether calling *function* may give a coroutine: what a lambda returns can be seen only when it is called.
    """
    return is_async(function) or getattr(unwrapped(function), "__name__", "") == "<lambda>"


def _innermost(function: object) -> object:
    """
    Return the function below partials and decorators; for a callable object, that of its ``__call__``.
    """
    function = inspect.unwrap(cast("Callable[..., object]", unwrapped(function)))
    if inspect.isroutine(function):
        return function
    return inspect.unwrap(type(function).__call__)


def _takes_task_status(function: Callable[..., object]) -> bool:
    code = _plain_code(function)
    if code is not None:
        return _names_task_status(code)
    try:
        return "task_status" in inspect.signature(function).parameters
    except (TypeError, ValueError):  # Written in C, with no signature to look at.
        return False


def _names_task_status(code: types.CodeType) -> bool:
    return "task_status" in code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]


def _takes_just(code: types.CodeType, function: object, args: tuple[object, ...], keywords: tuple[str, ...]) -> bool:
    """
    Tell whether *function* with this *code* takes these arguments and no others.
    """
    given = len(args) + isinstance(function, types.MethodType)
    return given == code.co_argcount and code.co_varnames[given : given + code.co_kwonlyargcount] == keywords


def _plain_code(function: object) -> types.CodeType | None:
    """
    Return the code of an undecorated function or method: to read it is forty times faster than `inspect.signature`.
    """
    if isinstance(function, types.MethodType):
        function = function.__func__
    if isinstance(function, types.FunctionType) and not function.__dict__:
        return function.__code__
    return None


def check_args(function: Callable[..., object], args: tuple[object, ...], keywords: tuple[str, ...], hint: str) -> None:
    """
    Raise TypeError if *function* cannot be called with *args* and *keywords*.
    """
    while isinstance(function, functools.partial):  # Its own signature cannot be had if what it holds does not fit.
        args, keywords = (*function.args, *args), (*function.keywords, *keywords)
        function = function.func
    function = _class_of(function) or function
    code = _plain_code(function)
    if code is not None and _takes_just(code, function, args, keywords):
        return
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return
    try:
        signature.bind(*args, **dict.fromkeys(keywords))
    except TypeError as exc:
        raise TypeError(
            f"{_title(function)}{signature} cannot be called with the arguments {args!r}: {exc}. {hint}"
        ) from None


def _product(factory: Callable[..., object]) -> type | None:
    """
    Return the class of runners that a factory says it makes, by the annotation of its result.
    """
    inner: Any = unwrapped(factory)
    result: object = None
    with contextlib.suppress(Exception):  # It may name what cannot be looked up; then it tells nothing.
        annotated = types.SimpleNamespace(__annotations__={"return": inner.__annotations__["return"]})
        result = typing.get_type_hints(annotated, inspect.unwrap(inner).__globals__)["return"]
    if result is Self:
        result = getattr(inner, "__self__", None)
    product = _class_of(result)
    return product if callable(getattr(product, "run", None)) else None


def _title(function: object) -> str:
    """
    Name *function* for an error: here it matters which of an object's methods is meant.
    """
    function = unwrapped(function)
    is_run = isinstance(function, types.MethodType) and getattr(function, "__name__", "") == "run"
    return f"{name_of(function)}.run" if is_run else name_of(function)


def _not_async(function: object) -> str:
    name = _title(function)
    if inspect.isasyncgenfunction(_innermost(function)):
        return (
            f"{name} has a `yield` in it, so it is an async generator function and cannot be awaited. "
            f"Write a runner around it that uses what it yields."
        )
    return f"{name} is not async. {_HELP}"


_HELP = (
    "A runner is an async function: write `async def`.\n"
    "If it blocks, run it in a thread with trio.to_thread.run_sync. If it is a factory that makes a runner, "
    "annotate it with the class it makes, as in `-> Server`."
)
