"""
The benchmarks run, and print what they promise. How fast anything is, is no matter of a test.
"""

import json
import os
import sys
from pathlib import Path

import pytest

from benchmarks import __main__ as command
from benchmarks import _go, pipeline, pool, restart, supervise, tools
from benchmarks._measure import Row


def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """
    Run the command on a handful of children, and return what it prints.
    """
    monkeypatch.setattr(sys, "argv", ["benchmarks", *words])
    monkeypatch.setattr(supervise, "SIZES", (3, 6))
    monkeypatch.setattr(restart, "EVENTS", 20)
    monkeypatch.setattr(restart, "WINDOWS", (0, 3))
    monkeypatch.setattr(restart, "SIBLINGS", (2, 4))
    monkeypatch.setattr(restart, "WEIGHED", 10)
    monkeypatch.setattr(pipeline, "ITEMS", 10)
    monkeypatch.setattr(pool, "JOBS", dict.fromkeys(pool.JOBS, 12))
    monkeypatch.setattr(pool, "SLOTS", (3, 5))
    monkeypatch.setattr(pool, "GROWTH", (5, 10))
    monkeypatch.setattr(pool, "FULL_JOBS", dict.fromkeys(pool.JOBS, 15))
    monkeypatch.setattr(pool, "MANY", 1_000)
    monkeypatch.setattr(pool, "FULL_MANY", 2_000)
    few = tools.Sizes(others=10, checks=1, schedules=8, big_tasks=3, big_steps=2, leaked=6, dumped=8, steps=1000)
    monkeypatch.setattr(tools, "SIZES", few)

    assert 0 == command.main()

    return capsys.readouterr().out


def test_the_list_names_each_benchmark(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """
    --list prints a line for each, with what it measures.
    """
    assert "supervise    Start-to-ready, stop and restart" in run(monkeypatch, capsys, "--list")


def test_json_has_rows_and_ratios(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """
    --json prints one object: the name, the medians of all cases, and the ratios between them.
    """
    found = json.loads(run(monkeypatch, capsys, "supervise", "--json", "--rounds", "1"))

    assert "supervise" == found["name"]
    assert {"case", "median_us"} == {key for row in found["rows"] for key in row}
    assert {"start 3 bare", "stop 6 trio_run", "restart 6 trio_run"} <= {row["case"] for row in found["rows"]}
    assert "stop 6: trio_run / bare" in found["ratios"]


def test_restart(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """
    A crash is measured beside a loop by hand, with restarts in the window, among siblings, and without events.
    """
    found = json.loads(run(monkeypatch, capsys, "restart", "--json", "--rounds", "1"))
    cases = {row["case"] for row in found["rows"]}

    assert {"crash by hand", "logged trio_run", "window 3 trio_run", "start and remove among 4"} <= cases
    assert {
        "crash: trio_run / by hand",
        "crash: trio_run / no events",
        "window: 3 / 0 restarts in it, trio_run",
        "crash: among 4 / 2",
        "memory after a crash: bytes a child above bare",
    } <= set(found["ratios"])


def test_what_otp_says_is_shown_beside_ours(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
):
    """
    Where there is an escript, it is asked about the same windows, and what it prints becomes rows in microseconds.
    """
    escript = tmp_path / "escript"
    escript.write_text(
        '#!/bin/sh\ntest -f "$1" || exit 1\nshift 2\nfor window; do echo "$window $((window + 4)).500"; done\n'
    )
    escript.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    found = json.loads(run(monkeypatch, capsys, "restart", "--json", "--rounds", "1"))
    rows = {row["case"]: row["median_us"] for row in found["rows"]}

    assert (4.5, 7.5) == pytest.approx((rows["window 0 OTP"], rows["window 3 OTP"]))
    assert 7.5 / 4.5 == pytest.approx(found["ratios"]["window: 3 / 0 restarts in it, OTP"])


@pytest.mark.leak_ignore("memory channel *")  # Somebody has to wait for good, for the search to find.
def test_what_the_tools_cost(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """
    Each tool has a row while it looks, and what trio does all the time one for before and after all of them.
    """
    found = json.loads(run(monkeypatch, capsys, "tools", "--json", "--rounds", "1"))
    cases = {row["case"] for row in found["rows"]}

    assert {"leak check", "block", "explore 3 tasks", "cancel everywhere", "leaked_tasks 6", "task_dump 8"} <= cases
    assert {
        f"off {thing} {when}" for thing in ("step", "task", "lock", "file") for when in ("before", "after")
    } <= cases
    assert all(row["median_us"] > 0 for row in found["rows"])
    assert "milliseconds of a leak check (limit 4)" in found["ratios"]


def test_pipeline(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """
    Pipelines are measured beside channels joined by hand.
    """
    found = json.loads(run(monkeypatch, capsys, "pipeline", "--json", "--rounds", "1"))

    assert {"no-op, buffer 0 by hand", "checkpoint, workers 4 trio_run"} <= {row["case"] for row in found["rows"]}
    assert 5 == len(found["ratios"])


def test_without_json_it_prints_a_table(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """
    People get a line for each case.
    """
    printed = run(monkeypatch, capsys, "supervise", "--rounds", "1")

    assert any(line.startswith("restart 3 trio_run ") for line in printed.splitlines())


def test_a_benchmark_that_is_not_there_is_a_usage_error(monkeypatch: pytest.MonkeyPatch):
    """
    The exit code is 2, as for every wrong use of a command.
    """
    monkeypatch.setattr(sys, "argv", ["benchmarks"])

    with pytest.raises(SystemExit) as caught:
        command.main()

    assert 2 == caught.value.code


def test_all_pools_do_all_kinds_of_jobs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """
    Each contender has a row for each kind of job, and each peer a ratio to ours.
    """
    found = json.loads(run(monkeypatch, capsys, "pool", "--json", "--rounds", "1"))
    cases = {row["case"] for row in found["rows"]}

    assert {f"{kind} {slots} {name}" for kind in pool.JOBS for slots in (3, 5) for name in pool.contenders()} <= cases
    assert {"no-op 3: limiter / ours", "sleep 5: task_group / ours", "a job of 10 / a job of 5"} <= set(found["ratios"])


def test_the_full_sizes(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """
    --full takes the larger sizes.
    """
    found = json.loads(run(monkeypatch, capsys, "pool", "--json", "--full", "--rounds", "1"))

    assert "memory: map, 2000 / 200 jobs" in found["ratios"]


def test_missed_targets():
    """
    What takes less of a multiple of our time than it should is named, with both.
    """
    assert ["Target missed: bare takes 3.00 times as long as ours, and should take 4."] == pool.misses(
        {"ours": 1e-6, "bare": 3e-6, "limiter": 13e-6}
    )


class TestGo:
    """
    What is compiled where there is a Go.
    """

    def measure(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str):
        """
        Return what is measured with a program of that name in place of Go.
        """
        fake = tmp_path / "go"
        fake.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        fake.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
        return _go.measure({"no-op": 10}, (8,))

    def test_rows(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
        """
        The program is built from what is in the folder, and each thing it prints is a row.
        """
        script = """
        [ "$1" = build ] || exit 0
        grep -q errgroup main.go && grep -q module go.mod || exit 3
        printf '#!/bin/sh\\necho "{\\"$1 $2 $3\\": 0.5}"' > pool && chmod +x pool
        """

        assert ([Row("no-op 8 no-op 10 8", 0.5)], []) == self.measure(monkeypatch, tmp_path, script)

    def test_what_fails_is_a_note(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
        """
        Where a step fails there are no rows, and the note has the last line of what it said.
        """
        rows, (note,) = self.measure(monkeypatch, tmp_path, "echo first >&2; echo no module >&2; exit 4")

        assert [] == rows
        assert note.endswith("ended with 4: no module")

    def test_none(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
        """
        Without a Go there is a note.
        """
        monkeypatch.setenv("PATH", str(tmp_path))

        assert ([], ["Go is not installed: no rows for errgroup and h12.io/run."]) == _go.measure({"no-op": 10}, (8,))
