"""
Imports run downwards only, so that each file can be read without the ones above it.
"""

import ast
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "trio_run"

# From the bottom up. A module imports from its own layer and from those below.
LAYERS = {
    "pure": [
        "errors/*",
        "events/*",
        "_names",
        "_said",
        "_word",
        "_tree",
        "leaks/_things",
        "supervision/_policy",
        "supervision/_facts",
        "supervision/_moves",
        "supervision/_order",
        "supervision/_line",
        "supervision/_start_order",
        "supervision/_web",
        "supervision/_slot",
        "supervision/_timers",
        "supervision/_restarts",
        "supervision/_rules",
        "supervision/_changes",
        "supervision/_core",
        "supervision/_course",
        "supervision/_exit_rule",
        "supervision/_health",
        "supervision/_judge",
        "supervision/_exits",
        "supervision/_status",
    ],
    "mechanisms": [
        "_generators",
        "_handle",
        "_pool/_crew",
        "_pool/_intake",
        "_pool/_job",
        "_pool/_jobs",
        "_pool/_per_worker",
        "_pool/_rest",
        "_pool/_turn",
        "_pool/_waiters",
        "_pool/_waits",
        "_pool/_worker",
        "_runner",
        "_sinks",
        "_sometimes",
        "_step",
        "_stopping",
        "_tasks",
        "_thread",
        "_ticker",
        "_trio_check",
        "_trio_compat",
        "_weighted",
        "supervision/_child",
        "supervision/_deadlock",
        "supervision/_fence",
        "supervision/_hands",
        "supervision/_host",
        "supervision/_look",
        "supervision/_orders",
        "supervision/_outcome",
        "supervision/_probe",
        "supervision/_probing",
        "supervision/_reconfigure",
        "supervision/_report",
        "supervision/_seat",
        "supervision/_shell",
        "supervision/_sleeper",
        "supervision/_standing",
        "supervision/_stop_log",
    ],
    "handles": [
        "_coalesce",
        "_admission",
        "_group",
        "_members",
        "_pool/__init__",
        "_pool/_lane",
        "_pool/_map",
        "_pool/_open",
        "_pool/_pool",
        "actors/*",
        "pipelines/*",
        "supervision/__init__",
        "supervision/_alike",
        "supervision/_block",
        "supervision/_calls",
        "supervision/_handle",
        "supervision/_partitions",
        "supervision/_portal",
        "supervision/_restarting",
        "supervision/_sight",
    ],
    "front door": ["__init__"],
    "edges": [
        "logs",
        "cli/*",
        "__main__",
        "leaks/_[!t]*",
        "leaks/_taps",
        "pytest_plugin/*",
        "stacks/*",
        "testing/_clock",
        "testing/_ends",
        "testing/_log",
        "testing/_outside",
        "testing/_schedules",
        "testing/_script",
        "testing/__init__",
        "testing/_everywhere*",
        "testing/_explore*",
        "testing/_watch*",
    ],
}

# Nothing here waits, reads a clock, draws a number or looks at the machine.
PURE_IMPORTS = {
    "__future__",
    "abc",
    "attrs",
    "bisect",
    "collections",
    "enum",
    "fnmatch",
    "functools",
    "graphlib",
    "heapq",
    "itertools",
    "math",
    "operator",
    "types",
    "typing",
}

MAY_IMPORT_STRUCTLOG = ["logs", "cli/*"]


class Tree:
    """
    The modules below a folder, and what each imports.
    """

    def __init__(self, top: Path) -> None:
        self.top = top
        self.modules = {path.relative_to(top).with_suffix("").as_posix(): path for path in sorted(top.rglob("*.py"))}
        self.inner: dict[str, set[str]] = {}
        self.outer: dict[str, set[str]] = {}
        for module, path in self.modules.items():
            names = set(self.imports(module, ast.parse(path.read_text())))
            self.inner[module] = {name for name in names if name in self.modules} - {module}
            self.outer[module] = {name.partition(".")[0] for name in names if name not in self.modules}

    def imports(self, module: str, code: ast.Module) -> Iterator[str]:
        """
        What *module* imports anywhere: our own modules as paths, others by their dotted names.
        """
        for node in ast.walk(code):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    yield self.own(alias.name) or alias.name
            elif isinstance(node, ast.ImportFrom):
                base = self.absolute(module, node)
                for alias in node.names:
                    yield self.own(f"{base}.{alias.name}") or self.own(base) or base

    def absolute(self, module: str, node: ast.ImportFrom) -> str:
        """
        The dotted name of what *node* imports from.
        """
        if not node.level:
            return node.module or ""
        packages = [self.top.name, *module.split("/")][: -node.level]
        return ".".join([*packages, *([node.module] if node.module else [])])

    def own(self, dotted: str) -> str | None:
        """
        The module of ours that goes by a dotted name, if there is one.
        """
        first, *rest = dotted.split(".")
        if first != self.top.name:
            return None
        for module in ("/".join(rest), "/".join([*rest, "__init__"])):
            if module in self.modules:
                return module
        return None


def layers_of(module: str) -> list[str]:
    """
    The layers that claim *module*.
    """
    return [layer for layer, patterns in LAYERS.items() if any(fnmatch(module, pattern) for pattern in patterns)]


def breaches(tree: Tree) -> list[str]:
    """
    Each breach of the rules in this file, as a sentence.
    """
    order = list(LAYERS)
    homes = {module: layers_of(module) for module in tree.modules}
    found = [
        f"{module} is in {len(homes[module])} layers, not in one: {homes[module]}"
        for module in tree.modules
        if len(homes[module]) != 1
    ]
    for module, targets in tree.inner.items():
        for target in sorted(targets):
            if not homes[module] or not homes[target]:
                continue
            here, there = homes[module][0], homes[target][0]
            if order.index(there) > order.index(here):
                found.append(f"{module} ({here}) imports {target} ({there})")
    for module, names in tree.outer.items():
        if homes[module] == ["pure"]:
            found += [f"{module} is pure and imports {name}" for name in sorted(names - PURE_IMPORTS)]
        if "structlog" in names and not any(fnmatch(module, each) for each in MAY_IMPORT_STRUCTLOG):
            found.append(f"{module} imports structlog")
    return found + rings(tree)


def rings(tree: Tree) -> list[str]:
    """
    Modules that import each other in a ring.
    """
    # A package's door imports what lies behind it, and nothing behind it looks back at the door.
    try:
        TopologicalSorter(tree.inner).prepare()
    except CycleError as error:
        return [f"these import each other: {' <- '.join(error.args[1])}"]
    return []


def plant(top: Path, **files: str) -> Tree:
    """
    A small package *top* with the given files; two underscores stand for a slash.
    """
    for name, text in files.items():
        path = top / f"{name.replace('___', '/_')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Tree(top)


class TestThePackage:
    def test_imports_run_downwards_only(self):
        """
        No module imports from a layer above its own, and none is without a layer.
        """
        assert [] == breaches(Tree(PACKAGE))

    def test_its_layers_are_all_there(self):
        """
        The map names no module that is gone.
        """
        modules = Tree(PACKAGE).modules
        gone = [
            pattern
            for patterns in LAYERS.values()
            for pattern in patterns
            if not any(fnmatch(module, pattern) for module in modules)
        ]

        assert [] == gone

    def test_the_allowed_imports_exist(self):
        """
        What pure modules may import is attrs and a part of the standard library.
        """
        assert {"attrs"} == PURE_IMPORTS - sys.stdlib_module_names


class TestBreaches:
    """
    The rules bite: each kind of breach is found in a package that has it.
    """

    def test_none(self, tmp_path):
        """
        A package that keeps the rules has no breaches.
        """
        tree = plant(
            tmp_path / "trio_run",
            _names="import enum\nimport attrs\n",
            _runner="import trio\nfrom . import _names\nfrom ._names import Boom\n",
            supervision___shell="from .._runner import Runner\nfrom .._names import Boom\n",
        )

        assert [] == breaches(tree)
        assert {"_names", "_runner"} == tree.inner["supervision/_shell"]

    @pytest.mark.parametrize("line", ["import trio", "from time import time", "import random as r", "import os.path"])
    def test_impure(self, tmp_path, line):
        """
        A pure module may not import what waits, chooses or looks around, wherever the import stands.
        """
        tree = plant(tmp_path / "trio_run", _said=f"def f():\n    if True:\n        {line}\n")

        assert [f"_said is pure and imports {line.split()[1].partition('.')[0]}"] == breaches(tree)

    @pytest.mark.parametrize(
        "line",
        ["from ._group import G", "from . import _group", "import trio_run._group", "from trio_run._group import G"],
    )
    def test_upwards(self, tmp_path, line):
        """
        A mechanism may not import a handle, however the import is written.
        """
        tree = plant(tmp_path / "trio_run", _runner=line, _group="")

        assert ["_runner (mechanisms) imports _group (handles)"] == breaches(tree)

    def test_structlog(self, tmp_path):
        """
        Nobody but the log sink and the command imports structlog.
        """
        tree = plant(tmp_path / "trio_run", _group="import structlog", logs="import structlog")

        assert ["_group imports structlog"] == breaches(tree)

    def test_homeless(self, tmp_path):
        """
        A module that nobody gave a layer is a breach.
        """
        tree = plant(tmp_path / "trio_run", novelty="")

        assert ["novelty is in 0 layers, not in one: []"] == breaches(tree)

    def test_ring(self, tmp_path):
        """
        Two modules of one layer may not import each other.
        """
        tree = plant(tmp_path / "trio_run", _handle="from ._step import P", _step="from ._handle import G")

        assert 1 == len(breaches(tree))
        assert breaches(tree)[0].startswith("these import each other: ")
