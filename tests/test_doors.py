"""
Each public name leaves the package by one door, so that there is one way to write its import.

The front door is `trio_run/__init__.py`. A public module (no underscore in its path) is a door of its own for what it
holds, unless the front door hands out all of it.
"""

import ast
import importlib
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "trio_run"
FRONT = PACKAGE / "__init__.py"

# Words that mean one thing at the front door and another in a package of their own. A state of a supervisor is a reason to
# refuse an order, and is told; a child may have nothing to do, and a leak check something to look away from.
TWO_THINGS = {"events": {"SupervisorStopped", "SupervisorStopping"}, "leaks": {"Ignore"}}


def complaints(code: str) -> list[str]:
    """
    What stands in a front door beside its docstring and `from .x import name as name`.
    """
    return [ast.unparse(node) for node in ast.parse(code).body[1:] if not is_door(node)]


def is_door(node: ast.stmt) -> bool:
    """
    Whether *node* is `from .x import name as name`, for one or more names.
    """
    return (
        isinstance(node, ast.ImportFrom)
        and node.level == 1
        and node.module is not None
        and all(alias.asname == alias.name for alias in node.names)
    )


def handed_on(code: str) -> list[str]:
    """
    The names that a module takes from elsewhere to hand them on.
    """
    return [
        alias.name
        for node in ast.parse(code).body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname == alias.name
    ]


def defined(code: str) -> set[str]:
    """
    The public functions and classes that a module defines.
    """
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return {node.name for node in ast.parse(code).body if isinstance(node, kinds) and not node.name.startswith("_")}


def public_modules() -> list[Path]:
    """
    The modules behind the front door that a user may import.
    """
    return [
        path
        for path in sorted(PACKAGE.rglob("*.py"))
        if path != FRONT and not any(is_private(name) for name in path.relative_to(PACKAGE).with_suffix("").parts)
    ]


def is_private(name: str) -> bool:
    """
    Whether a step of a module's path says that nobody else should come in.
    """
    return name.startswith("_") and name != "__init__"


def doors_of(front: str, module: str) -> list[str]:
    """
    How a public module and the front door get into each other's way.
    """
    outside = set(handed_on(front))
    on = set(handed_on(module))
    found = [f"{name} leaves by two doors" for name in sorted(on & outside) if not on <= outside]
    here = defined(module)
    if here & outside:
        found += [f"{name} stays behind while the rest leaves by the front door" for name in sorted(here - outside)]
    return found


class TestTheFrontDoor:
    def test_holds_nothing_else(self):
        """
        The front door is a docstring and `from .x import name as name`.
        """
        assert [] == complaints(FRONT.read_text())

    def test_each_name_once(self):
        """
        No name is handed out twice.
        """
        names = handed_on(FRONT.read_text())

        assert sorted(set(names)) == sorted(names)

    def test_names_are_public(self):
        """
        No private name is handed out.
        """
        assert [] == [name for name in handed_on(FRONT.read_text()) if name.startswith("_")]

    def test_names_are_there(self):
        """
        What the front door promises can be had from it, and explains itself.
        """
        front = importlib.import_module("trio_run")

        assert [] == [name for name in handed_on(FRONT.read_text()) if not getattr(front, name).__doc__]

    @pytest.mark.parametrize(
        "line", ["import trio", "from ._x import a", "from ._x import a as b", "from . import _x as _x", "X = 1"]
    )
    def test_complaints(self, line):
        """
        Whatever is not a door is complained about.
        """
        assert [line] == complaints(f'"""Head."""\n\nfrom ._y import c as c\n{line}\n')


class TestOtherDoors:
    @pytest.mark.parametrize("path", public_modules(), ids=lambda path: path.relative_to(PACKAGE).as_posix())
    def test_one_door_each(self, path):
        """
        What a public module holds leaves by that module or by the front door, not by both.
        """
        where = path.parent.name if path.name == "__init__.py" else ""
        two = {f"{name} leaves by two doors" for name in TWO_THINGS.get(where, ())}

        assert two == set(doors_of(FRONT.read_text(), path.read_text()))

    def test_two_doors(self):
        """
        A name that two packages hand on is found.
        """
        line = "from ._x import a as a"

        assert ["a leaves by two doors"] == doors_of(line, f"{line}\nfrom ._x import b as b")

    def test_all_of_a_package(self):
        """
        A public package may have a door of its own if the front door hands out all that leaves by it.
        """
        line = "from ._x import a as a"

        assert [] == doors_of(f"{line}\nfrom ._y import c as c", line)

    def test_left_behind(self):
        """
        A public module of which the front door hands out one half is found.
        """
        module = "class A: ...\nclass B: ...\nclass _C: ...\n"

        assert ["B stays behind while the rest leaves by the front door"] == doors_of("from .m import A as A", module)
