"""
Every block of code in the README and in the documentation runs, in the order in which a reader meets it.

- `python` runs in the namespace of its page, on a clock that jumps ahead. It may await at the top level. One that begins
  with a comment like `# shop.py` is also saved under that name.
- `output` is what the Python block before it printed.
- `console` is a shell's: lines that begin with `$` are run where the files of the page are saved, and have to succeed; the
  others are what that prints. An ellipsis stands for anything.
- `sh` is for the two commands of the README, which `.ci/run` takes from there.
- `text` is no code.
"""

import ast
import contextlib
import doctest
import inspect
import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import trio
from sybil.document import Document
from sybil.evaluators.python import pad
from sybil.example import Example, SybilFailure
from sybil.parsers.myst import CodeBlockParser
from trio.testing import MockClock

from trio_run.leaks import Ignore, Kind

TOP = Path(__file__).parent.parent
PAGES = [TOP / "README.md", *sorted(path for path in (TOP / "docs").rglob("*.md") if "_build" not in path.parts)]
RULES = TOP / "docs/reference/rules.md"

FENCE = re.compile(
    r"^(?P<indent> *)(?:`{3,}|~{3,})(?P<language>[^`\n]*)\n(?:.*\n)*?(?P=indent)(?:`{3,}|~{3,})$", re.MULTILINE
)
MARKED_COMMAND = re.compile(r"<!-- command: (?P<name>\w+) -->\n```sh\n(?P<command>.+)\n```\n")
SAVED_AS = re.compile(r"# (?P<name>\w+\.py)\n")
COMMAND = re.compile(r"^\$ (?P<command>.*)\n(?P<output>(?:(?!\$ ).*\n?)*)", re.MULTILINE)


class Page:
    """
    What the blocks of one page share: a folder, a namespace and what was printed last.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.printed = ""

    def parse(self, path: Path) -> Document:
        """
        Find the blocks that can be run, each with what runs it.
        """
        runs = {"python": self.run_python, "output": self.compare_output, "console": self.run_console}
        return Document.parse(str(path), *(CodeBlockParser(language, run) for language, run in runs.items()))

    def run_python(self, example: Example) -> None:
        """
        Run a block of Python, and the coroutine that it is where it awaits.
        """
        if saved := SAVED_AS.match(example.parsed):
            (self.folder / saved["name"]).write_text(example.parsed)
        source = pad(example.parsed, example.line + example.parsed.line_offset)
        code = compile(source, example.path, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
        example.namespace.setdefault("__name__", "page")
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            result = eval(code, example.namespace)  # noqa: S307
            if inspect.iscoroutine(result):
                trio.run(lambda: result, clock=MockClock(autojump_threshold=0))
        self.printed = printed.getvalue()

    def compare_output(self, example: Example) -> None:
        """
        Compare a block with what was printed.
        """
        check(example, example.parsed, self.printed)

    def run_console(self, example: Example) -> None:
        """
        Run the commands of a block and compare what they print.
        """
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        for each in COMMAND.finditer(example.parsed):
            result = subprocess.run(
                ["bash", "-c", each["command"]],
                cwd=self.folder,
                env={**os.environ, "PATH": path, "NO_COLOR": "1"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=15,
                check=False,
            )
            if result.returncode:
                raise SybilFailure(example, f"{each['command']} exits with {result.returncode}:\n{result.stdout}")
            check(example, each["output"], result.stdout)


def check(example: Example, expected: str, actual: str) -> None:
    """
    Fail with a diff unless *actual* is as *expected*.
    """
    if not doctest.OutputChecker().check_output(expected.strip(), actual.strip(), doctest.ELLIPSIS):
        raise SybilFailure(example, f"Expected:\n{expected}\nGot:\n{actual}")


def languages(text: str) -> set[str]:
    """
    The languages of a page's blocks, without the directives and without the commands of the README.
    """
    found = {match["language"].strip() for match in FENCE.finditer(MARKED_COMMAND.sub("", text))}
    return {language for language in found if not language.startswith("{")}


def run(page: Path, folder: Path) -> None:
    """
    Run the blocks of *page* in order, with *folder* for its files.
    """
    for example in Page(folder).parse(page):
        example.evaluate()


@pytest.fixture(autouse=True)
def virtual_time_by_default(monkeypatch):
    """
    Pages call `trio.run(main)` as anyone would, and nobody waits.
    """
    run_for_real = trio.run

    def run_at_once(main, *args, clock=None, **options):
        clock = MockClock(autojump_threshold=0) if clock is None else clock
        return run_for_real(main, *args, clock=clock, **options)

    monkeypatch.setattr(trio, "run", run_at_once)


@pytest.fixture
def page(tmp_path):
    """
    Write a page and return what runs it.
    """

    def write_and_run(text):
        path = tmp_path / "page.md"
        path.write_text(text)
        run(path, tmp_path)

    return write_and_run


LEAKS_ON_PURPOSE = pytest.mark.no_leak_check("it shows what a leak looks like")


class TestPages:
    @pytest.mark.real
    @pytest.mark.leak_ignore(Ignore(kind=Kind.CHANNEL))  # Examples are short.
    @pytest.mark.parametrize(
        "path",
        [pytest.param(path, marks=LEAKS_ON_PURPOSE if path.stem == "find-a-leak" else ()) for path in PAGES],
        ids=lambda path: path.relative_to(TOP).as_posix(),
    )
    def test_code_runs(self, path, tmp_path):
        """
        A reader who types in what a page shows sees what the page says.
        """
        run(path, tmp_path)

    @pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(TOP).as_posix())
    def test_no_block_is_left_out(self, path):
        """
        Each block is in a language that is run, or is no code.
        """
        assert set() == languages(path.read_text()) - {"python", "output", "console", "text"}


class TestIndexes:
    @pytest.mark.parametrize("folder", ["how-to", "reference", "explanation"])
    def test_each_page_is_introduced(self, folder):
        """
        Each page of a folder is in the index of it with a line on what it answers, `- [](page.md): line`.
        """
        index = TOP / "docs" / folder / "index.md"
        introduced = re.findall(r"^- \[\]\(([\w-]+\.md)\): \S", index.read_text(), re.MULTILINE)

        assert {path.name for path in index.parent.glob("*.md")} - {"index.md"} == set(introduced)
        assert len(introduced) == len(set(introduced))

    def test_each_name_is_in_the_reference(self):
        """
        All that can be imported from `trio_run` is on its page, once.
        """
        page = (TOP / "docs/reference/trio_run.md").read_text()

        assert sorted(
            re.findall(r"^from \S+ import (\w+)", (TOP / "trio_run/__init__.py").read_text(), re.MULTILINE)
        ) == sorted(re.findall(r"^\.\. auto\w+:: (\w+)$", page, re.MULTILINE))

    @pytest.mark.parametrize("name", ["events", "leaks", "stacks", "testing"])
    def test_what_a_package_takes_from_its_files_is_on_its_page(self, name):
        """
        Sphinx leaves out what a module imports unless it is told otherwise, and then the page is empty.
        """
        page = (TOP / f"docs/reference/{name}.md").read_text()

        assert f".. automodule:: trio_run.{name}\n   :imported-members:\n" in page

    @pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(TOP).as_posix())
    def test_each_link_leads_to_a_file(self, path):
        """
        A link to another page, or to a file, is one that can be followed on GitHub too: with the whole name.
        """
        links = re.findall(r"\]\((?!https?:)([^)#\s]+)[^)\s]*\)", FENCE.sub("", path.read_text()))

        assert [] == [link for link in links if not (path.parent / link).exists()]


class TestRules:
    def test_each_rule_has_a_test(self):
        """
        The reference of the rules names a test for each, and there is one of that name.
        """
        rules = re.findall(r"^(?:\d+\. |\| (?!-|the ).*\. ).*", RULES.read_text(), re.MULTILINE)
        named = set(re.findall(r"`(test_\w+)`", RULES.read_text()))
        written = {
            name
            for path in (TOP / "tests").rglob("test_*.py")
            for name in re.findall(r"def (test_\w+)", path.read_text())
        }

        assert len(rules) > 70
        assert [] == [rule for rule in rules if not re.search(r"`test_\w+`( \|)?$", rule)]
        assert set() == named - written


class TestCommands:
    def test_one_line_each(self):
        """
        The README has two commands of one line, one to run the main job and one to run the tests.
        """
        commands = {match["name"]: match["command"] for match in MARKED_COMMAND.finditer(PAGES[0].read_text())}

        assert ["run", "test"] == list(commands)
        assert commands["run"].startswith("python3 -m venv .venv && .venv/bin/pip install ")
        assert commands["test"].startswith("python3 -m venv .venv && .venv/bin/pip install ")


class TestRun:
    """
    Mistakes in a page are found.
    """

    def test_right(self, page):
        """
        Blocks share a namespace, may await, need not wait, and their output is compared.
        """
        page(
            "```python\nimport trio\nx = 1\n```\n"
            "```python\nawait trio.sleep(1000)\nprint(x, trio.current_time() > 999)\n```\n"
            "```output\n1 True\n```\n"
            "```python\ntrio.run(trio.sleep, 1000)\ntrio.run(trio.sleep, 1000)\n```\n"
        )

    @pytest.mark.real
    def test_right_console(self, page):
        """
        A saved file can be used in the shell, and an ellipsis stands for anything.
        """
        page("```python\n# shop.py\nprint('open')\n```\n```console\n$ python shop.py\nop...\n$ echo 2\n2\n```\n")

    def test_wrong_python(self, page):
        """
        An exception comes through, with the line of the page it is from.
        """
        with pytest.raises(ZeroDivisionError) as caught:
            page("# Title\n\n```python\n1 / 0\n```\n")

        assert 4 == caught.traceback[-1].lineno + 1

    @pytest.mark.real
    @pytest.mark.parametrize(
        "text", ["```python\nprint(1)\n```\n```output\n2\n```\n", "```console\n$ echo 1\n2\n```\n"]
    )
    def test_wrong_output(self, page, text):
        """
        Output that is not as the page says fails.
        """
        with pytest.raises(SybilFailure, match=r"Expected:\n2\n+Got:\n1"):
            page(text)

    @pytest.mark.real
    def test_wrong_command(self, page):
        """
        A command that fails is found, whatever it prints.
        """
        with pytest.raises(SybilFailure, match="false exits with 1"):
            page("```console\n$ false\n...\n```\n")

    def test_languages(self):
        """
        A block of whatever kind is seen, but for directives and marked commands.
        """
        text = "<!-- command: test -->\n```sh\nls\n```\n\n```sh\nls\n```\n\n~~~ruby\nputs\n~~~\n\n```{toctree}\n```\n"

        assert {"sh", "ruby"} == languages(text)
