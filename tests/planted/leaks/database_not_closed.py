"""
A database in a file is opened and not closed.
"""

import contextlib
import sqlite3
import tempfile
from pathlib import Path

KIND = "open file"


async def broken(after):
    folder = after.enter_context(tempfile.TemporaryDirectory())
    db = sqlite3.connect(Path(folder) / "app.db")
    after.callback(db.close)
    db.execute("create table t (x)")


async def mended(after):
    folder = after.enter_context(tempfile.TemporaryDirectory())
    with contextlib.closing(sqlite3.connect(Path(folder) / "app.db")) as db:
        db.execute("create table t (x)")
