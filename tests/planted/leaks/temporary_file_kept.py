"""
An upload is spooled to a temporary file that has no name, and that nobody closes.
"""

import tempfile

KIND = "open file"


async def broken(after):
    spool = tempfile.TemporaryFile()  # noqa: SIM115
    after.callback(spool.close)
    spool.write(b"upload")


async def mended(_after):
    with tempfile.TemporaryFile() as spool:
        spool.write(b"upload")
