"""
From MODULE:ATTR and the arguments to a root that can run.

Here mistakes are found and put into one line each. Nothing is run, but the user's module and a factory of the user's.

Laws: a module that is missing is told from one that it imports and that is missing. A plain function is a factory and gets
the list of arguments; an async function is the program, and gets the arguments one by one.
"""

from __future__ import annotations

import difflib
import importlib
import inspect
import os
import pkgutil
import sys
import traceback
import types
import typing
from collections.abc import Callable, Iterable, Sequence

import attrs

from .._names import called, checked, name_of, unwrapped
from .._runner import Recipe, adapt
from .._said import said
from ..errors import TrioRunError
from ..supervision._child import Child
from ..supervision._handle import Supervisor
from ..supervision._partitions import Partitions

PLAIN = (ValueError, OSError, TrioRunError)
"""What a factory raises to say that it cannot work as it was asked to; anything else is a mistake in it."""


class CannotLoad(Exception):
    """
    What was asked for is not there, or cannot run. The text is one line; the ``__cause__`` what was raised, if anything.
    """


class FactoryFailed(Exception):
    """
    A factory raised. The text is one line, and the ``__cause__`` what it raised.
    """


@attrs.frozen
class Root:
    """
    What is to run.
    """

    path: str
    runner: object
    recipe: Recipe


def load(target: str) -> object:
    """
    Import what *target* names, as in ``shop.main:app``, with the working directory first on the path.

    Raises:
        CannotLoad: There is no such thing, or importing it failed.
    """
    module_name, colon, attribute = target.partition(":")
    if not colon or not module_name or not attribute:
        raise CannotLoad(f"{target!r} is not of the form MODULE:ATTR, as in {_guessed_form(target)}.")
    if "/" in module_name or module_name.endswith(".py"):
        raise CannotLoad(f"{module_name} is a file, not a module. Did you mean {_module_for(module_name)}:{attribute}?")
    here = os.getcwd()  # noqa: PTH109 - sys.path takes strings
    if sys.path[:1] != [here]:
        sys.path.insert(0, here)
    found: object = _import(module_name)
    whole = module_name
    for step in attribute.split("."):
        try:
            found = getattr(found, step)
        except AttributeError:
            raise CannotLoad(_no_attribute(found, whole, step)) from None
        whole += ":" if whole == module_name else "."
        whole += step
    return found


def build(target: str, thing: object, args: Sequence[str]) -> Root:
    """
    Return the root that *thing* is, or makes if it is a factory.

    Raises:
        CannotLoad: It cannot run, or does not take the arguments.
        FactoryFailed: It is a factory, and raised.
        SystemExit: It is a factory, and asked for the end of the program.
    """
    if is_plain_function(thing):
        product = _call_factory(target, typing.cast("Callable[..., object]", thing), list(args))
        if is_plain_function(product):
            raise CannotLoad(f"{target} returned the function {name_of(product)}, which is not async.")
        return _root(f"what {target} returned", product, ())
    return _root(target, thing, tuple(args))


def is_plain_function(thing: object) -> bool:
    """
    Tell whether *thing* is a function that is not async, or a partial or method of one.
    """
    thing = unwrapped(thing)
    return inspect.isroutine(thing) and not inspect.iscoroutinefunction(inspect.unwrap(thing))


# Importing.


def _import(name: str) -> types.ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as exc:
        missing = exc.name or ""
        if name == missing or name.startswith(f"{missing}."):
            raise CannotLoad(_no_module(name, missing)) from None
        raise CannotLoad(f"{name} needs the module {missing}, which is not installed{_place(exc)}.") from exc
    except SyntaxError as exc:
        raise CannotLoad(f"{name} cannot be imported: {said(exc)}") from exc
    except Exception as exc:
        raise CannotLoad(f"{name} cannot be imported: {said(exc)}{_place(exc)}") from exc


def _no_module(name: str, missing: str) -> str:
    parent, _dot, last = missing.rpartition(".")
    if parent and not hasattr(sys.modules.get(parent), "__path__"):
        return f"There is no module {name}: {parent} is a module, not a package. Did you mean {parent}:{last}?"
    folders = getattr(sys.modules.get(parent), "__path__", None) if parent else sys.path[:1]
    known = [module.name for module in pkgutil.iter_modules(folders)]
    where = f"in {parent}" if parent else f"in {sys.path[0]} or among what is installed"
    return f"There is no module {missing} {where}.{_did_you_mean(last, known)}"


def _no_attribute(owner: object, whole: str, step: str) -> str:
    names = [name for name in dir(owner) if not name.startswith("_")]
    guess = _did_you_mean(step, names)
    if not guess and inspect.ismodule(owner):
        own = [name for name in names if _can_run(getattr(owner, name), owner.__name__)]
        guess = f" What can run there: {', '.join(own[:8])}." if own else ""
    return f"There is no {step} in {whole}.{guess}"


def _can_run(thing: object, module: str) -> bool:
    """
    Tell whether *thing* is worth naming as something to run.
    """
    if isinstance(thing, Supervisor | Partitions):
        return True
    return inspect.iscoroutinefunction(thing) and getattr(thing, "__module__", None) == module


def _guessed_form(target: str) -> str:
    return f"{_module_for(target.strip(':')) or 'shop'}:app"


def _module_for(path: str) -> str:
    """
    Guess the name of a module that was given as a file.
    """
    return path.removesuffix(".py").strip("./").replace("/", ".")


def _did_you_mean(word: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(word, known, n=1)
    return f" Did you mean {close[0]}?" if close else ""


def _place(exc: BaseException) -> str:
    """
    Say where *exc* was raised: the last line of the user's, if there is one.
    """
    frames = [frame for frame in traceback.extract_tb(exc.__traceback__) if frame.filename != __file__]
    if not frames or "importlib" in frames[-1].filename:
        return ""
    filename = frames[-1].filename
    inside = filename.startswith(os.getcwd() + os.sep)  # noqa: PTH109 - as in `load`
    return f" ({os.path.relpath(filename) if inside else filename}:{frames[-1].lineno})"


# Building.


def _call_factory(target: str, factory: Callable[..., object], args: list[str]) -> object:
    """
    Call a factory with the list of arguments, or with nothing if it takes nothing and there are none.
    """
    if inspect.isgeneratorfunction(factory) or inspect.isasyncgenfunction(factory):
        raise CannotLoad(f"{target} is a generator, which cannot run. Make it an async function, without yield.")
    if _returns_none(factory):
        raise CannotLoad(f"{target} is a plain function that returns nothing. To run it, write `async def`.")
    given: tuple[object, ...] = (args,)
    try:
        signature = inspect.signature(factory)
    except (TypeError, ValueError):  # Written in C, with no signature to look at.
        signature = None
    if signature is not None and not args and _fits(signature, ()) and not _fits(signature, given):
        given = ()
    elif signature is not None and not _fits(signature, given):
        raise CannotLoad(
            f"{target} is a plain function, and so a factory, which takes one argument, the list of all that stands after --; "
            f"but it takes {signature}."
        )
    try:
        return factory(*given)
    except Exception as exc:
        raise FactoryFailed(f"{target}: {said(exc)}") from exc


def _root(target: str, thing: object, args: tuple[str, ...]) -> Root:
    """
    Return the root that *thing* is.
    """
    _check_runnable(target, thing, args)
    function = thing if not hasattr(thing, "run") or isinstance(thing, type) else typing.cast("typing.Any", thing).run
    _check_args(target, function, args)
    try:
        return Root(checked(called(thing), target), thing, adapt(thing, args))
    except (TypeError, ValueError) as exc:
        raise CannotLoad(f"{target} cannot run: {' '.join(str(exc).split())}") from exc


def _check_runnable(target: str, thing: object, args: tuple[str, ...]) -> None:
    """
    Refuse what is often given by mistake, and say what to do instead.
    """
    if thing is None:
        raise CannotLoad(
            f"{target} is None. A factory returns the Supervisor that is to run; a program is an `async def`."
        )
    if isinstance(thing, types.ModuleType):
        raise CannotLoad(f"{target} is a module. Name what is to run in it, as in {target}.app.")
    if isinstance(thing, Child):
        raise CannotLoad(
            f"{target} is a Child, an entry of a Supervisor. Run Supervisor(..., {target.rpartition(':')[2]})."
        )
    if isinstance(thing, Supervisor) and args:
        raise CannotLoad(
            f"{target} is a Supervisor, which takes no arguments, but got {_listed(args)}. "
            f"To use them, write a factory: def app(args: list[str]) -> Supervisor."
        )


def _check_args(target: str, function: object, args: tuple[str, ...]) -> None:
    """
    Refuse arguments that do not fit, in the words of a command line.
    """
    try:
        signature = inspect.signature(typing.cast("Callable[..., object]", function))
    except (TypeError, ValueError):  # Nothing to call, which `adapt` says better; or written in C.
        return
    kept = [each for each in signature.parameters.values() if each.name != "task_status"]
    signature = signature.replace(parameters=kept, return_annotation=signature.empty)
    if {"scope", "receive", "send"} <= signature.parameters.keys():
        raise CannotLoad(
            f"{target} is an ASGI application. Run a server with it, as hypercorn.trio.serve, in an async function."
        )
    if not _fits(signature, args):
        raise CannotLoad(f"{target} takes {signature}, and got {_listed(args)}. Its arguments stand after --.")


def _fits(signature: inspect.Signature, args: tuple[object, ...]) -> bool:
    try:
        signature.bind(*args)
    except TypeError:
        return False
    return True


def _listed(args: tuple[str, ...]) -> str:
    return " ".join(args) if args else "none"


def _returns_none(function: Callable[..., object]) -> bool:
    return getattr(unwrapped(function), "__annotations__", {}).get("return", "") in (None, "None")
