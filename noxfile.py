"""
Everything that is checked, each in an environment of its own. `nox` runs what a change has to pass.
"""

import os
import sys
import tomllib
from pathlib import Path

import nox

PYTHONS = ["3.11", "3.12", "3.13"]
CURRENT = f"{sys.version_info.major}.{sys.version_info.minor}"

TRIOS = ["0.32", "0.33", "0.34", "0.35"]
"""
The minor versions of trio that are supported, the newest last.
"""

INSIDE = [
    "tests/test_trio_compat.py",
    "tests/test_stacks.py",
    "tests/test_stacks_signal.py",
    "tests/testing",
    "tests/leaks",
    "tests/planted",
]
"""
The tests of what uses private names of trio.
"""

CONCURRENT = [
    *(f"tests/test_{name}.py" for name in ("group", "map", "handle", "per_worker", "weighted", "ticker", "coalesce")),
    *(f"tests/test_{name}.py" for name in ("stopping", "sinks", "runner", "step", "said", "jobs")),
    *(f"tests/supervision/test_{name}.py" for name in ("block", "shell", "handle", "rules", "health", "start_order")),
    *(f"tests/supervision/test_{name}.py" for name in ("phases", "sight", "reconfigure", "partitions", "portal")),
    *(f"tests/supervision/test_{name}.py" for name in ("deadlock", "restarting", "max_children")),
    "tests/actors",
    "tests/pipelines",
]
"""
The tests of what has tasks.
"""

TOOLS = [
    "--explore-seed=1",
    "--explore=20",
    "--cancel-everywhere",
    "--everywhere-points=8",
    "-o",
    "faulthandler_timeout=300",
]
"""
What is done with them on every change, by one seed, so that what fails has to do with the change: nox -s tools -- --explore-seed=2.
"""

PROJECT = tomllib.loads(Path("pyproject.toml").read_text())["project"]

nox.needs_version = ">=2025.5"
nox.options.default_venv_backend = "virtualenv"
nox.options.download_python = "never"
nox.options.error_on_missing_interpreters = False
nox.options.reuse_existing_virtualenvs = True
nox.options.sessions = ["tests", "lint", "types", "docs"]


@nox.session(python=sorted({*PYTHONS, CURRENT}))
def tests(session: nox.Session) -> None:
    """
    Run the suite on every Python that is here.
    """
    session.install("-e", ".[test]")
    session.run("pytest", *session.posargs)


@nox.session
def tools(session: nox.Session) -> None:
    """
    Run the tests of what has tasks on other schedules, and cancelled at points drawn by the seed.
    """
    session.install("-e", ".[test]")
    # Many runs of one test are one test to faulthandler, which would end them all.
    session.run("pytest", "-n2", *TOOLS, *CONCURRENT, *session.posargs)


@nox.session
def faults(session: nox.Session) -> None:
    """
    Run the same tests, and have waits fail that are drawn by the seed: nothing hangs, and nothing is left behind.
    """
    session.install("-e", ".[test]")
    points = ["--explore-seed=1", "--fault-everywhere", "--everywhere-points=4", "-o", "faulthandler_timeout=300"]
    session.run("pytest", "-n2", *points, *CONCURRENT, *session.posargs)


@nox.session
def nightly(session: nox.Session) -> None:
    """
    Run what takes minutes: many thousands of scenarios and orders.
    """
    session.install("-e", ".[test]")
    session.run("pytest", "-m", "slow", *session.posargs)


@nox.session
def floor(session: nox.Session) -> None:
    """
    Run the suite on the oldest versions of what trio_run depends on.
    """
    oldest = (each.replace(">=", "==") for each in PROJECT["dependencies"])
    session.install("-e", ".[test]", *oldest)
    session.run("pytest", *session.posargs)


@nox.session(python=PYTHONS)
@nox.parametrize("trio", TRIOS)
def matrix(session: nox.Session, trio: str) -> None:
    """
    Run what looks inside of trio on each of its minor versions that is supported, on each Python: nox -s matrix.
    """
    session.install("-e", ".[test]", f"trio=={trio}.*")
    # Where this trio is not what it is taken for, this says so, and names what is missing.
    session.run("python", "-c", "from trio_run import _trio_check, testing; _trio_check.check()")
    session.run("pytest", *INSIDE, *session.posargs)


@nox.session
def coverage(session: nox.Session) -> None:
    """
    Run the suite and show which lines and branches it never took.
    """
    session.install("-e", ".[test]")
    session.run("coverage", "run", "-m", "pytest", *session.posargs)
    session.run("coverage", "report")


@nox.session
def lint(session: nox.Session) -> None:
    """
    Check style, formatting, spelling and the changelog's fragments.
    """
    session.install("-e", ".[lint]")
    session.run("ruff", "check", "--no-cache")
    session.run("ruff", "format", "--no-cache", "--check")
    session.run("codespell")
    session.run("towncrier", "build", "--draft", "--version", PROJECT["version"], silent=True)


@nox.session
def types(session: nox.Session) -> None:
    """
    Check types as strictly as mypy and pyright can, and that nothing public lacks one.
    """
    session.install(".[types]")
    session.run("mypy")
    session.run("basedpyright", "--warnings")
    # Away from the source, so that it is the installed package that is looked at.
    session.chdir(session.create_tmp())
    session.run("basedpyright", "--ignoreexternal", "--verifytypes", "trio_run")


@nox.session
def docs(session: nox.Session) -> None:
    """
    Build the documentation; its code runs in the test suite.
    """
    session.install("-e", ".[docs]")
    session.run("sphinx-build", "-W", "--keep-going", "-q", "docs", "docs/_build/html")


@nox.session
def mutation(session: nox.Session) -> None:
    """
    Change what the supervisor decides in one place at a time, and see that a test minds: nox -s mutation -- PATTERN.
    """
    session.install("-e", ".[test]", "mutmut==3.8.1")
    session.run("python", "-m", "tests.mutation", *session.posargs)


@nox.session
def planted(session: nox.Session) -> None:
    """
    Measure the testing tools on the planted bugs, for the tables in the documentation.
    """
    session.install("-e", ".[test]")
    session.run("python", "-m", "tests.planted")


@nox.session
def thirdparty(session: nox.Session) -> None:
    """
    Try the testing tools on code of others.
    """
    session.install("-e", ".[thirdparty]")
    session.run("pytest", "tests/thirdparty", *session.posargs)
    session.run("python", "-m", "tests.thirdparty")


@nox.session
@nox.parametrize("trio", ["0.32.0", "0.35.0"])
def trio_suite(session: nox.Session, trio: str) -> None:
    """
    Run trio's own suite on the explorer's strict model: nox -s trio_suite -- --strict-seed=2.
    """
    session.install("-e", ".[test]", f"trio=={trio}", "jedi", "pylint", "pyopenssl", "trustme")
    top = str(Path.cwd())
    session.chdir(session.create_tmp())  # Away from our own settings for pytest.
    plugins = ["-p", "tests.thirdparty.trio_suite", "-p", "trio._tests.pytest_plugin"]
    others = [part for name in ("randomly", "trio", "anyio", "trio_run") for part in ("-p", f"no:{name}")]
    suite = ["--pyargs", "trio._core._tests", "trio._tests", "--skip-optional-imports"]
    options = ["-c", os.devnull, "--rootdir", "."]
    session.run("pytest", "-q", *options, *plugins, *others, *suite, *session.posargs, env={"PYTHONPATH": top})


@nox.session(python=CURRENT)
def bench(session: nox.Session) -> None:
    """
    Measure trio_run beside its peers: nox -s bench -- CASE.
    """
    session.install("-e", ".[bench]")
    session.run("python", "-m", "benchmarks", *session.posargs)
