"""
A pipe is made to wake somebody up, and one of its ends is forgotten.
"""

import os

KIND = "open pipe"


async def broken(after):
    read, write = os.pipe()
    os.write(write, b"x")
    os.close(write)
    after.callback(os.close, read)


async def mended(_after):
    read, write = os.pipe()
    os.write(write, b"x")
    os.close(write)
    os.close(read)
