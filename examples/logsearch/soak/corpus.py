"""
The lines that are written: real-looking, and each with a number of its own.

What a line says, and which index it belongs to, follows from its number alone. So nothing has to be remembered to know what
is right.
"""

from __future__ import annotations

import re
from typing import Final

NUMBER: Final = re.compile(r"\bn(\d{9})\b")
"""Finds the number of a line."""

FORMS: Final = (
    ("rest", "2026-11-21 05:53:{s:02},{ms:03} INFO shop.orders: order {n} accepted from {ip} in {ms} ms"),
    ("rest", "Nov 21 05:53:{s:02} web3 sshd[{ms}]: Accepted publickey for deploy from {ip} port 50022 ssh2 order {n}"),
    ("rest", '{ip} - - [21/Nov/2026:05:53:{s:02} +0000] "GET /order/{n} HTTP/1.1" 200 612 "-" "Mozilla/5.0 (X11)"'),
    ("rest", "2026-11-21T05:53:{s:02}.{ms:03}Z DEBUG shop.stock order {n} kept in shelf 7 of {ip}"),
    ("warnings", "2026-11-21 05:53:{s:02},{ms:03} WARNING shop.stock: order {n} waits for {ip} since {ms} ms"),
    ("errors", "2026/11/21 05:53:{s:02} [error] 31#0: *7 open() failed (2: No such file), client: {ip}, order {n}"),
    ("rest", "Nov 21 05:53:{s:02} web3 cron[{ms}]: (root) CMD (/usr/bin/tidy order {n})"),
    ("errors", '{ip} - - [21/Nov/2026:05:53:{s:02} +0000] "POST /order/{n} HTTP/1.1" 503 41 "-" "curl/8.5.0"'),
)


def line_of(number: int) -> tuple[str, str]:
    """
    Return the index and the text of the line with that number.
    """
    index, form = FORMS[number % len(FORMS)]
    ip = f"10.{number % 199}.{number % 211}.{number % 223}"
    return index, form.format(n=f"n{number:09}", ip=ip, s=number % 60, ms=number % 1000)


def data_of(numbers: range) -> bytes:
    """
    Return the lines with those numbers as they stand in a file.
    """
    return b"".join(f"{line_of(number)[1]}\n".encode() for number in numbers)
