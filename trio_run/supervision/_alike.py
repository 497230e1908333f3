"""
Whether two children, or two supervisors, would do the same.

Runners and arguments are compared as Python compares them, so two functions are the same only if they are one. What cannot be
compared is taken to be different.
"""

from __future__ import annotations

import functools
from typing import cast

import attrs

from ._child import Child
from ._sight import Sight


def alike(old: Child, new: Child) -> bool:
    """
    Tell whether *new* would do what *old* does, by the same rules.
    """
    return old is new or (_rules(old) == _rules(new) and _same_work(old, new))


def _rules(child: Child) -> dict[str, object]:
    """
    Return all there is to a child but what it runs.
    """
    return {field.name: getattr(child, field.name) for field in attrs.fields(Child) if field.name not in _WORK}


_WORK = frozenset({"runner", "recipe"})


def _same_work(old: Child, new: Child) -> bool:
    if isinstance(old.runner, Sight) and isinstance(new.runner, Sight):
        return _same_plan(old.runner, new.runner)
    return _equal(_flat(old.runner), _flat(new.runner)) and _equal(old.recipe.args, new.recipe.args)


def _same_plan(old: Sight, new: Sight) -> bool:
    if old.rules != new.rules or len(old.plan) != len(new.plan):
        return False
    return all(map(alike, old.plan, new.plan))


def _flat(runner: object) -> object:
    """
    Return what a partial is made of, since two of them are never equal.
    """
    if isinstance(runner, functools.partial):
        partial = cast("functools.partial[object]", runner)
        return _flat(partial.func), partial.args, partial.keywords
    return runner


def _equal(old: object, new: object) -> bool:
    try:
        return bool(old == new)
    except Exception:  # noqa: BLE001 - the code of whoever made it; an array has no one answer
        return False
