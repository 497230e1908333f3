"""
A log is opened for each job, and never closed.
"""

import os
import tempfile
from pathlib import Path

KIND = "open file"


async def broken(after):
    folder = after.enter_context(tempfile.TemporaryDirectory())
    log = (Path(folder) / "job.log").open("w")
    after.callback(log.close)
    log.write("done")


async def mended(after):
    folder = after.enter_context(tempfile.TemporaryDirectory())
    with (Path(folder) / "job.log").open("w") as log:
        log.write("done")
    assert os.listdir(folder) == ["job.log"]  # noqa: PTH208
