"""
Names: paths of the tree, and a good name for any callable.

A path is the names from the root down, joined by slashes: ``shop/workers/mailer``. One life of a child is the path, a hash
and the number of the life: ``shop/workers/mailer#3``.

This file makes names. Whether a name is taken is for the supervisor to say.
"""

from __future__ import annotations

import functools
import types
from typing import TypeGuard, cast


def join(path: str, name: str) -> str:
    """
    Return the path of the child *name* of *path*; the path of the root is its name.
    """
    return f"{path}/{name}" if path else name


def is_within(path: str, ancestor: str) -> bool:
    """
    Tell whether *path* is *ancestor* or lies below it.
    """
    return path == ancestor or path.startswith(ancestor + "/")


def is_name(name: object) -> TypeGuard[str]:
    """
    Tell whether *name* can be one step of a path.
    """
    return isinstance(name, str) and name != "" and name.isprintable() and "/" not in name and "#" not in name


def checked(name: object, owner: str) -> str:
    """
    Return *name* if it can be one step of a path.

    Args:
        name: What a user gave as a name.
        owner: What is to be named so, for the error.

    Raises:
        TypeError: *name* is not a string.
        ValueError: *name* is empty, or holds a character that has a meaning in paths.
    """
    if is_name(name):
        return name
    if not isinstance(name, str):
        raise TypeError(f"The name of {owner} has to be a string, not {name!r}.")
    raise ValueError(
        f"{name!r} cannot be the name of {owner}: a name is one step of a path, so it is not empty, prints, "
        f"and has no slash and no hash in it."
    )


def unwrapped(thing: object) -> object:
    """
    Return what is inside of *thing* if it is a partial, and *thing* otherwise.
    """
    while isinstance(thing, functools.partial):
        thing = cast("functools.partial[object]", thing).func
    return thing


def name_of(thing: object) -> str:
    """
    Guess a good name for *thing*: a function, method, class, partial or object.

    ``db.run`` is named after the object, since every runner has a ``run``; ``shop.open`` is ``Shop.open``.
    """
    thing = unwrapped(thing)
    name = getattr(thing, "__name__", None)
    if not isinstance(name, str):
        name = type(thing).__name__
    name = name.strip("<>") or "runner"
    if isinstance(thing, types.MethodType):
        owner = thing.__self__
        kind = owner.__name__ if isinstance(owner, type) else type(owner).__name__
        return kind if name == "run" else f"{kind}.{name}"
    return name


def called(runner: object) -> str:
    """
    Return what *runner* is called: its own name if it has one, as supervisors, pipelines and their like do, or a good guess.
    """
    name = getattr(runner, "name", None)
    return name if isinstance(name, str) else name_of(runner)
