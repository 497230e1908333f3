"""
Each case of Go's packages is a test of that name, or is said to be left out, and why.
"""

import ast
import re
from pathlib import Path

import pytest

from tests.conformance.cases import CASES


def told_of(folder):
    """
    The names of the tests in *folder*, and the words of its docstrings.
    """
    tests, words = set(), set()
    for path in Path(__file__).with_name(folder).glob("test_*.py"):
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                tests.add(node.name)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Module):
                words.update(re.findall(r"\w+", ast.get_docstring(node) or ""))
    return tests, words


def snake(name):
    return re.sub(r"(?<=[a-z0-9])_?(?=[A-Z])", "_", name).lower()


@pytest.mark.parametrize("peer", CASES)
def test_no_case_is_missing(peer):
    """
    Each is a test of this suite, or named where the suite says what is not in it.
    """
    tests, words = told_of(peer)
    missing = [name for name in CASES[peer].split() if snake(name) not in tests and name not in words]

    assert [] == missing


def test_one_that_is_missing_is_found():
    """
    The check of names bites.
    """
    tests, words = told_of("tomb")

    assert snake("TestNothing") not in tests
    assert "TestNothing" not in words
