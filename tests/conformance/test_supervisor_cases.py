"""
No test of the other supervisors is forgotten.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance.supervisor_cases import ELSEWHERE, NOT_APPLICABLE, SUITES

HERE = Path(__file__).parent


def names(suite: str) -> list[str]:
    """
    The names of the original tests.
    """
    return [line.strip() for line in SUITES[suite].splitlines() if line.strip()]


def told(folder: Path) -> Iterator[str]:
    """
    The names that docstrings in *folder* begin with, of all tests that do not stand among the defects.
    """
    for path in sorted(folder.rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test"):
                said = " ".join((ast.get_docstring(node) or "").split())
                head, colon, _rest = said.partition(": ")
                if colon:
                    yield from head.removesuffix(", but better").split(", ")


@pytest.mark.parametrize("suite", SUITES)
class TestCases:
    def test_each_is_told_or_does_not_apply(self, suite: str):
        """
        Every original test is told again, or has a reason why not; and not both.
        """
        here = set(told(HERE / suite)) & set(names(suite))
        apart = [here, set(NOT_APPLICABLE[suite]), set(ELSEWHERE.get(suite, {}))]

        assert set(names(suite)) == set().union(*apart)
        assert len(names(suite)) == sum(map(len, apart))

    def test_no_name_is_made_up(self, suite: str):
        """
        What a docstring begins with is the name of an original.
        """
        assert set() == set(told(HERE / suite)) - set(names(suite))

    def test_each_reason_is_one(self, suite: str):
        """
        A reason is a sentence, and not a word.
        """
        assert [] == [name for name, reason in NOT_APPLICABLE[suite].items() if len(reason.split()) < 4]


@pytest.mark.parametrize("where", sorted({where for each in ELSEWHERE.values() for where in each.values()}))
def test_what_stands_elsewhere_is_there(where: str):
    """
    The test that tells it in other words exists.
    """
    path, _, name = where.partition("::")

    assert f"def {name}(" in (HERE / path).read_text(encoding="utf-8")
