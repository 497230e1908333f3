"""
The real command under load, stopped and made to fail: nothing is lost, doubled or misreported.
"""

import contextlib
import sqlite3

import pytest

from examples.logsearch.soak import Plan, soak
from examples.logsearch.soak.corpus import FORMS, line_of
from examples.logsearch.soak.record import Record
from examples.logsearch.soak.verdict import judge_database, judge_logs


@pytest.mark.real
class TestSoak:
    async def test_moderate(self):
        """
        20,000 lines with rotations, a stop and a crash in the middle, and five faults each of the store and the server.
        """
        report = await soak(Plan(lines=20_000, rate=6_000, faults=5, clients=2))
        counts = report.record.counts

        assert [] == report.record.violations
        assert [] == report.noise
        assert (20_000, 20_000) == (report.record.written, report.lines)
        assert (5, 5) == (counts["faults of store"], counts["faults of http"])
        assert (2, 1) == (counts["stops"], counts["crashes"])
        assert counts["rotations"] > 10
        assert counts["answers"] > 100
        assert report.slowest_stop < 5


class TestLineOf:
    def test_forms(self):
        """
        All three indexes get lines.
        """
        assert {"errors", "warnings", "rest"} == {line_of(number)[0] for number in range(len(FORMS))}


class TestJudge:
    """
    The judges see what is wrong.
    """

    def test_database(self, tmp_path):
        """
        Lines that are lost, doubled or different, and counts that do not fit, are violations.
        """
        path, record = tmp_path / "logs.db", Record(written=4)
        with contextlib.closing(sqlite3.connect(path)) as connection, connection:
            for index in ("errors", "warnings", "rest"):
                connection.execute(f"CREATE TABLE {index} (line)")
            connection.execute("CREATE TABLE files (errors, warnings, rest)")
            connection.execute("INSERT INTO files VALUES (0, 0, 9)")
            for number in (0, 1, 1):
                connection.execute("INSERT INTO rest VALUES (?)", (line_of(number)[1],))
            connection.execute("INSERT INTO errors VALUES (?)", (line_of(2)[1],))
        lines = judge_database(path, record)

        assert 3 == lines
        assert [
            f"errors has a line that was never written so: {line_of(2)[1]!r}",
            "2 lines are lost, the first of them line 2.",
            "1 lines are there more than once, one of them line 1.",
            "The files are said to have 9 lines, and 3 are there.",
        ] == record.violations

    def test_logs(self):
        """
        A fault that the log does not tell of, a failure that nobody asked for, and a restart without a cause are violations.
        """
        path, record = "logsearch/index/store", Record()
        record.counts["faults of store"] = 2
        failed = {"event": "child.failed", "path": path, "life": 1, "seq": 5, "error": "OSError: disk full"}
        judge_logs([[failed]], record)

        assert [
            f"{path}#1 failed, and nobody had asked for it: OSError: disk full",
            f"The log does not tell that {path}#1 was to be started again because of event 5.",
            f"The log does not tell that {path} was ready again after #1.",
            "store was made to fail 2 times, and the log tells of 1 failures.",
        ] == record.violations
