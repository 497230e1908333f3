"""
An upload is collected in a temporary file that is closed only where it was not too long.
"""

import tempfile

KIND = "open file"


async def broken(after):
    file = tempfile.TemporaryFile()  # noqa: SIM115
    after.callback(file.close)
    file.write(b"x" * 100)
    if file.tell() < 50:
        file.close()


async def mended(_after):
    with tempfile.TemporaryFile() as file:
        file.write(b"x" * 100)
