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
import inspect
import types
import typing
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Protocol, cast, runtime_checkable

import attrs
import trio

from ._names import name_of, unwrapped


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
        if self.kind is _Kind.CALL:
            awaitable = self.function(*self.args, **keywords)
            if not isinstance(awaitable, Awaitable):
                raise TypeError(_not_async(self.function, awaitable))
            return cast("Awaitable[object]", awaitable)
        made = self.function(*self.args)
        run = getattr(made, "run", None)
        if not callable(run):
            raise TypeError(f"{name_of(self.function)} made {made!r}, which has no `async def run()`.")
        return run(**keywords)  # type: ignore[no-any-return]


def adapt(runner: object, args: tuple[object, ...]) -> Recipe:
    """
    Return the recipe for *runner* with *args*.

    Raises:
        TypeError: *runner* is nothing that can run, or *args* do not fit it.
    """
    if isinstance(runner, Awaitable):
        raise TypeError(_already_called(cast("object", runner)))
    if isinstance(runner, type):
        return _adapt_maker(runner, args, runner)
    run = getattr(runner, "run", None)
    if callable(run) and not inspect.isroutine(runner):
        return _adapt_function(run, args)
    if not callable(runner):
        raise TypeError(
            f"{runner!r} cannot run. A runner is an async function, an object with `async def run()`, "
            f"or a class of such objects."
        )
    inner = unwrapped(runner)
    if isinstance(inner, type):
        return _adapt_maker(runner, args, inner)
    if not _is_async(runner):
        product = _product(runner)
        if product is not None:
            return _adapt_maker(runner, args, product)
        if name_of(runner) != "lambda":  # What a lambda returns can be seen only when it is called.
            raise TypeError(_not_async(runner, None))
    return _adapt_function(runner, args)


def _adapt_function(function: Callable[..., object], args: tuple[object, ...]) -> Recipe:
    if (
        isinstance(function, types.FunctionType | types.MethodType)
        and not _is_async(function)
        and name_of(function) != "lambda"
    ):
        raise TypeError(_not_async(function, None))
    takes = _takes_task_status(function)
    _check_args(function, args, ignoring={"task_status"} if takes else set())
    return Recipe(function, args, _Kind.CALL, takes)


def _adapt_maker(maker: Callable[..., object], args: tuple[object, ...], product: type) -> Recipe:
    run = getattr(product, "run", None)
    if not callable(run):
        raise TypeError(f"{product.__name__} cannot run: it has no `async def run(self)`.")
    if not _is_async(run):
        raise TypeError(f"{product.__name__}.run is not async: write `async def run(self)`.")
    _check_args(maker, args, ignoring=set())
    return Recipe(maker, args, _Kind.MAKE, _takes_task_status(run))


def _is_async(function: object) -> bool:
    function = unwrapped(function)
    if isinstance(function, types.FunctionType | types.MethodType):
        return inspect.iscoroutinefunction(inspect.unwrap(function))
    if inspect.iscoroutinefunction(function):
        return True
    return callable(function) and inspect.iscoroutinefunction(type(function).__call__)


def _takes_task_status(function: Callable[..., object]) -> bool:
    code = _plain_code(function)
    if code is not None:
        named = code.co_argcount + code.co_kwonlyargcount
        return "task_status" in code.co_varnames[:named]
    try:
        return "task_status" in inspect.signature(function).parameters
    except (TypeError, ValueError):  # Written in C, with no signature to look at.
        return False


def _plain_code(function: object) -> types.CodeType | None:
    """
    Return the code of an undecorated function or method: to read it is forty times faster than `inspect.signature`.
    """
    if isinstance(function, types.MethodType):
        function = function.__func__
    if isinstance(function, types.FunctionType) and not function.__dict__:
        return function.__code__
    return None


def _check_args(function: Callable[..., object], args: tuple[object, ...], ignoring: set[str]) -> None:
    """
    Raise TypeError if *function* cannot be called with *args*.
    """
    code = _plain_code(function)
    if code is not None and not code.co_kwonlyargcount and not code.co_flags & inspect.CO_VARARGS:
        given = len(args) + isinstance(function, types.MethodType)
        if given == code.co_argcount and code.co_varnames[given - 1 : given] != ("task_status",):
            return
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return
    kept = [parameter for name, parameter in signature.parameters.items() if name not in ignoring]
    try:
        signature.replace(parameters=kept).bind(*args)
    except TypeError as exc:
        raise TypeError(
            f"{name_of(function)}{signature} cannot be called with the arguments {args!r}: {exc}. "
            f"Keyword arguments go into a functools.partial."
        ) from None


def _product(factory: Callable[..., object]) -> type | None:
    """
    Return the class of runners that a factory says it makes, by the annotation of its result.
    """
    result: object = None
    with contextlib.suppress(Exception):  # Annotations may name what cannot be looked up; then they tell nothing.
        result = typing.get_type_hints(unwrapped(factory)).get("return")
    return result if isinstance(result, type) and callable(getattr(result, "run", None)) else None


def _already_called(runner: object) -> str:
    name = name_of(runner)
    if isinstance(runner, Coroutine):
        runner.close()  # It will never be awaited, and Python need not warn of that on top.
    return (
        f"A runner is an async function, but this is what comes back when one is called: {runner!r}.\n"
        f"Probably it says {name}(...) where it should say {name}, with the arguments after it: Child({name}, ...)."
    )


def _not_async(function: object, result: object) -> str:
    name = name_of(function)
    got = f" and returned {result!r}" if result is not None else ""
    return (
        f"{name} is not async{got}. A runner is an async function: write `async def {name}`.\n"
        f"If it blocks, run it in a thread with trio.to_thread.run_sync. If it is a factory that makes a runner, "
        f"annotate it with the class it makes: `def {name}(...) -> Server`."
    )
