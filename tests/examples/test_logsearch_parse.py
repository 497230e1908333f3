"""
Understanding lines.
"""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples.logsearch.lines import Chunk, Index, Place
from examples.logsearch.parse import index_of, parse, time_of

TODAY = dt.date(2026, 3, 1)


def parsed(data: bytes, offset: int = 0):
    """
    The rows of a chunk, by offset.
    """
    batch = parse(Chunk("1:2", "a.log", Place(1, offset, b""), data), TODAY)
    return sorted((row for rows in batch.rows.values() for row in rows), key=lambda row: row[1])


class TestIndexOf:
    @pytest.mark.parametrize(
        "line",
        [
            "2026-11-21 05:53:27,123 ERROR shop.orders: it broke",
            "2026/11/21 05:53:27 [crit] 31#0: *7 connect() failed",
            "ValueError: no such thing",
            'Exception in thread "main" java.lang.NullPointerException',
            "<3>disk: cannot write",
            '10.0.0.1 - - [21/Nov/2026:05:53:27 +0000] "GET / HTTP/1.1" 503 612 "-" "curl"',
            "Nov 21 05:53:27 web1 app[7]: err: out of memory",
        ],
    )
    def test_errors(self, line):
        """
        A level, the name of an exception, a syslog priority or an HTTP status makes a line an error.
        """
        assert Index.ERRORS is index_of(line)

    @pytest.mark.parametrize(
        "line",
        [
            "2026-11-21 05:53:27,123 WARNING shop: slow",
            "2026/11/21 05:53:27 [warn] 31#0: buffered",
            "<4>disk: nearly full",
            '10.0.0.1 - - [21/Nov/2026:05:53:27 +0000] "GET / HTTP/2" 404 612 "-" "curl"',
        ],
    )
    def test_warnings(self, line):
        """
        The same goes for warnings.
        """
        assert Index.WARNINGS is index_of(line)

    @pytest.mark.parametrize(
        "line",
        [
            "",
            "2026-11-21 05:53:27,123 INFO shop: the last error was mended",
            "2026-09-22 04:45:29 status installed liberror-prone-java:all 2.18.0-1",
            "Nov 21 05:53:27 web1 app[7]: 0 errors",
            '10.0.0.1 - - [21/Nov/2026:05:53:27 +0000] "GET / HTTP/1.1" 200 612 "-" "curl"',
            "<6>disk: ready",
        ],
    )
    def test_rest(self, line):
        """
        The first level in a line decides, and what only looks like one does not count.
        """
        assert Index.REST is index_of(line)


class TestTimeOf:
    @pytest.mark.parametrize(
        ("line", "time"),
        [
            ("2026-11-21 05:53:27,123 INFO x", "2026-11-21T05:53:27.123"),
            ("2026-11-21T05:53:27.5Z x", "2026-11-21T05:53:27.5Z"),
            ("2026-11-21T05:53:27+02:00 x", "2026-11-21T05:53:27+02:00"),
            ("2026/11/21 05:53:27 [error] x", "2026-11-21T05:53:27"),
            ('10.0.0.1 - - [21/Nov/2026:05:53:27 +0100] "GET', "2026-11-21T05:53:27+01:00"),
            ("Feb  3 05:53:27 web1 x", "2026-02-03T05:53:27"),
            ("<30>Mar  2 00:00:01 web1 x", "2026-03-02T00:00:01"),
            ("Nov 21 05:53:27 web1 x", "2025-11-21T05:53:27"),
        ],
    )
    def test_known_forms(self, line, time):
        """
        Times come out in one form; without a year they are from the last twelve months.
        """
        assert time == time_of(line, TODAY)

    def test_leap_day(self):
        """
        The 29th of February is read in a year that has one.
        """
        assert "2024-02-29T01:02:03" == time_of("Feb 29 01:02:03 web1 x", dt.date(2024, 3, 1))

    @pytest.mark.parametrize(
        "line", ["", "no time", "2026-99-99 05:53:27 x", "Foo 21 05:53:27 x", "x" * 200 + "2026-11-21 05:53:27"]
    )
    def test_no_time(self, line):
        """
        What is no time, or stands far inside the line, is not taken for one.
        """
        assert time_of(line, TODAY) is None


class TestParse:
    def test_offsets(self):
        """
        Each line knows at which byte of the file it begins.
        """
        assert [("é", 10, None), ("", 13, None), ("b", 14, None)] == parsed("é\n\nb".encode(), 10)

    def test_junk(self):
        """
        Bytes that are not UTF-8 are replaced, and line ends and padding left out.
        """
        assert [("a\ufffdb", 0, None), ("cd", 5, None)] == parsed(b"a\xffb\r\n\0\0c\0d\n")

    @given(st.lists(st.binary(max_size=20).map(lambda data: data.replace(b"\n", b" ")), max_size=10))
    def test_every_byte_ends_up_in_one_line(self, pieces):
        """
        Whatever the bytes are, the lines begin where the pieces between line ends do.
        """
        data = b"".join(piece + b"\n" for piece in pieces)
        starts = [sum(len(piece) + 1 for piece in pieces[:number]) for number in range(len(pieces))]

        assert starts == [at for _line, at, _time in parsed(data)]
