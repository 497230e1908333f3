"""
A piece of trio's own suite on the strict model; `nox -s trio_suite` runs all of it.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]


@pytest.mark.real
@pytest.mark.parametrize("engine", ["batches", "coroutines"])
def test_parking_lots(tmp_path, engine):
    """
    Trio's tests of parking lots pass on schedules of the strict model, and none of them breaks an engine.
    """
    others = [part for name in ("randomly", "trio", "anyio", "trio_run") for part in ("-p", f"no:{name}")]
    plugins = ["-p", "tests.thirdparty.trio_suite", "-p", "trio._tests.pytest_plugin"]
    options = ["-q", "-c", os.devnull, "--rootdir", ".", f"--strict-engine={engine}", "--log-cli-level=ERROR"]
    suite = ["--pyargs", "trio._core._tests.test_parking_lot"]
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", *options, *plugins, *others, *suite],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(TOP)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert 0 == ran.returncode, ran.stdout
    assert " passed" in ran.stdout
    assert "Instrument has been disabled" not in ran.stdout
