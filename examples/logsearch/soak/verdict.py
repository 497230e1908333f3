"""
Compares what is there in the end with what was to be.
"""

from __future__ import annotations

import collections
import contextlib
import sqlite3
from pathlib import Path
from typing import Any

from .corpus import NUMBER, line_of
from .record import Record

PATHS = {"store": "logsearch/index/store", "http": "logsearch/web/http"}


def judge_database(path: Path, record: Record) -> int:
    """
    Check that each line that was written is there once, as it was written, and nothing else. Return how many are there.
    """
    times: collections.Counter[int] = collections.Counter()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        for index in ("errors", "warnings", "rest"):
            for (line,) in connection.execute(f"SELECT line FROM {index}"):  # noqa: S608 - one of three
                number = NUMBER.search(line)
                if number is None or line_of(int(number[1])) != (index, line):
                    record.violate(f"{index} has a line that was never written so: {line!r}")
                else:
                    times[int(number[1])] += 1
        (counted,) = connection.execute("SELECT sum(errors + warnings + rest) FROM files").fetchone()
    lost = record.written - len(times.keys() & set(range(record.written)))
    doubled = [number for number, count in times.items() if count > 1]
    if lost:
        missing = sorted(set(range(record.written)) - times.keys())
        record.violate(f"{lost} lines are lost, the first of them line {missing[0]}.")
    if doubled:
        record.violate(f"{len(doubled)} lines are there more than once, one of them line {min(doubled)}.")
    if counted != times.total():
        record.violate(f"The files are said to have {counted} lines, and {times.total()} are there.")
    return times.total()


def judge_logs(logs: list[list[dict[str, Any]]], record: Record) -> None:
    """
    Check that each fault that was asked for is in the log, with the restart that it caused.
    """
    told: collections.Counter[str] = collections.Counter()
    for log in logs:
        for name, path in PATHS.items():
            told[name] += _judge_child(log, path, record)
    for name in PATHS:
        surely, perhaps = record.counts[f"faults of {name}"], record.counts[f"faults of {name} in doubt"]
        if not surely <= told[name] <= surely + perhaps:
            record.violate(f"{name} was made to fail {surely} times, and the log tells of {told[name]} failures.")


def _judge_child(log: list[dict[str, Any]], path: str, record: Record) -> int:
    of_child = [entry for entry in log if entry.get("path") == path]
    failures = [entry for entry in of_child if entry["event"] == "child.failed"]
    lives = {entry["life"] for entry in of_child if entry["event"] == "child.ready"}
    scheduled = {entry["cause"]: entry for entry in of_child if entry["event"] == "child.restart_scheduled"}
    for failure in failures:
        seq, life = failure["seq"], failure["life"]
        if "was asked to fail" not in failure["error"]:
            record.violate(f"{path}#{life} failed, and nobody had asked for it: {failure['error']}")
        if seq not in scheduled:
            record.violate(f"The log does not tell that {path}#{life} was to be started again because of event {seq}.")
        if life + 1 not in lives:
            record.violate(f"The log does not tell that {path} was ready again after #{life}.")
    return len(failures)
