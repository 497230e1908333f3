"""
The rules of the house that no linter knows: sizes, flags, and how tests are written.
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

TOP = Path(__file__).parent.parent
OURS = [path for folder in ("trio_run", "examples", "benchmarks") for path in sorted((TOP / folder).rglob("*.py"))]
TESTS = sorted((TOP / "tests").rglob("*.py"))

MOST_LINES = {"file": 400, "function": 50, "class": 200}

MAY_BE_FLAGS = {
    "stage takes the flag ordered",  # there is no third order, and stage(parse, workers=4, ordered=True) reads as it should
}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def name_of(path: Path) -> str:
    """
    How a test is called after a file.
    """
    return path.relative_to(TOP).as_posix()


def lines_without_docstring(node: Function | ast.ClassDef) -> int:
    """
    How long a function or class is to who knows already what it is for.
    """
    docstring = node.body[0] if ast.get_docstring(node, clean=False) is not None else None
    return span(node) - (span(docstring) if docstring else 0)


def span(node: ast.stmt) -> int:
    """
    From the first line to the last.
    """
    return (node.end_lineno or node.lineno) - node.lineno + 1


def too_long(code: str) -> Iterator[str]:
    """
    The file, functions and classes that should be split.
    """
    if (lines := code.count("\n")) > MOST_LINES["file"]:
        yield f"the file has {lines} lines"
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, Function | ast.ClassDef):
            kind = "class" if isinstance(node, ast.ClassDef) else "function"
            if (lines := lines_without_docstring(node)) > MOST_LINES[kind]:
                yield f"{kind} {node.name} has {lines} lines"


def flags(code: str) -> Iterator[str]:
    """
    The parameters of public functions that switch something on or off.
    """
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, Function) and not node.name.startswith("_"):
            for arg in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs):
                if arg.annotation is not None and re.search(r"\bbool\b", ast.unparse(arg.annotation).partition("[")[0]):
                    yield f"{node.name} takes the flag {arg.arg}"


def loose_ends(code: str) -> Iterator[str]:
    """
    The comments that put something off without the number of an issue.
    """
    for token in tokenize.generate_tokens(io.StringIO(code).readline):
        if token.type == tokenize.COMMENT and re.search(r"\b(TODO|FIXME|XXX)\b(?!\(#\d+\))", token.string):
            yield f"line {token.start[0]}: {token.string}"


def undocumented_tests(code: str) -> Iterator[str]:
    """
    The tests that do not say in words what they show.
    """
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, Function) and node.name.startswith("test") and not ast.get_docstring(node):
            yield node.name


def waits_for_the_wall(code: str) -> Iterator[str]:
    """
    Where a test would wait for the clock on the wall.

    Nobody sleeps in a thread. Where time is virtual `trio.sleep` costs nothing, so there it is fine, and `trio.run` has to
    be given a clock. A test marked `real` waits for what it is about, and never for some time to pass.
    """
    yield from Waits().of(ast.parse(code))


class Waits:
    """
    A walk through a test file that knows whether it is inside something marked `real`.
    """

    def of(self, node: ast.AST, *, real: bool = False) -> Iterator[str]:
        """
        The waits in *node*.
        """
        real = real or is_marked_real(node)
        if isinstance(node, ast.Call):
            yield from self.in_call(node, real=real)
        for child in ast.iter_child_nodes(node):
            yield from self.of(child, real=real)

    def in_call(self, node: ast.Call, *, real: bool) -> Iterator[str]:
        """
        Whether this call waits.
        """
        called = ast.unparse(node.func)
        if called in {"time.sleep", "sleep"} or (real and called == "trio.sleep"):
            yield f"line {node.lineno}: {called} waits for real"
        if not real and called == "trio.run" and "clock" not in {keyword.arg for keyword in node.keywords}:
            yield f"line {node.lineno}: trio.run has no clock"


def is_marked_real(node: ast.AST) -> bool:
    """
    Whether a test, a class of tests or a whole file is marked `real`.
    """
    marks = getattr(node, "decorator_list", [])
    if isinstance(node, ast.Module):
        marks = [
            each.value
            for each in node.body
            if isinstance(each, ast.Assign) and "pytestmark" in [ast.unparse(target) for target in each.targets]
        ]
    return any("pytest.mark.real" in ast.unparse(mark) for mark in marks)


class TestOurs:
    @pytest.mark.parametrize("path", OURS, ids=name_of)
    def test_sizes(self, path):
        """
        What has grown too long to take in at once is split.
        """
        assert [] == list(too_long(path.read_text()))

    @pytest.mark.parametrize("path", OURS, ids=name_of)
    def test_flags(self, path):
        """
        No public function has two behaviours behind a bool: that is an enum, or two functions.
        """
        assert [] == [flag for flag in flags(path.read_text()) if flag not in MAY_BE_FLAGS]

    @pytest.mark.parametrize("path", OURS + TESTS, ids=name_of)
    def test_loose_ends(self, path):
        """
        What is put off has an issue.
        """
        assert [] == list(loose_ends(path.read_text()))


class TestTests:
    @pytest.mark.parametrize("path", TESTS, ids=name_of)
    def test_docstrings(self, path):
        """
        Each test says what it shows.
        """
        assert [] == list(undocumented_tests(path.read_text()))

    @pytest.mark.parametrize("path", TESTS, ids=name_of)
    def test_time(self, path):
        """
        No test waits for the clock on the wall.
        """
        assert [] == list(waits_for_the_wall(path.read_text()))


class TestTheRules:
    """
    The rules bite.
    """

    def test_too_long(self):
        """
        Docstrings are free, everything else counts.
        """
        body = "    x = 1\n" * 50
        docstring = '    """\n' + "    word\n" * 100 + '    """\n'

        assert ["function f has 51 lines"] == list(too_long(f"def f():\n{docstring}{body}"))
        assert [] == list(too_long(f"def f():\n{docstring}{body[10:]}"))
        assert ["class C has 201 lines"] == list(too_long("class C:\n" + "    x = 1\n" * 200))
        assert ["the file has 401 lines"] == list(too_long("x = 1\n" * 401))

    @pytest.mark.parametrize("signature", ["x: bool", "*, x: bool = False", "x: bool | None = None"])
    def test_flags(self, signature):
        """
        A flag is found however it is passed, but for private functions and for callables that return one.
        """
        assert ["f takes the flag x"] == list(flags(f"async def f({signature}): ..."))
        assert [] == list(flags(f"def _f({signature}): ..."))
        assert [] == list(flags("def f(x: Callable[[], bool]): ..."))

    def test_loose_ends(self):
        """
        Only a number makes a promise.
        """
        assert ["line 1: # TODO: later"] == list(loose_ends("# TODO: later\n# TODO(#12): later\nx = 'TODO'\n"))

    def test_undocumented_tests(self):
        """
        Tests in classes count too, helpers don't.
        """
        code = "class TestC:\n    async def test_a(self): ...\n    def helper(self): ...\n"

        assert ["test_a"] == list(undocumented_tests(code))

    @pytest.mark.parametrize(
        "code",
        [
            "time.sleep(1)",
            "@pytest.mark.real\ndef test():\n    time.sleep(1)",
            "@pytest.mark.real\nasync def test():\n    await trio.sleep(1)",
            "pytestmark = pytest.mark.real\nasync def test():\n    await trio.sleep(1)",
            "def test():\n    trio.run(main)",
        ],
    )
    def test_waits(self, code):
        """
        A wait for real is found.
        """
        assert 1 == len(list(waits_for_the_wall(code)))

    @pytest.mark.parametrize(
        "code",
        [
            "async def test():\n    await trio.sleep(1)",
            "def test():\n    trio.run(main, clock=MockClock(autojump_threshold=0))",
            "@pytest.mark.real\ndef test():\n    trio.run(main)",
        ],
    )
    def test_no_waits(self, code):
        """
        Virtual time is free, and a real test may run a real loop.
        """
        assert [] == list(waits_for_the_wall(code))
