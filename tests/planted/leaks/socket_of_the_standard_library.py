"""
A socket looks for a free port, and stays open.
"""

import socket

KIND = "open socket"


async def broken(after):
    finder = socket.socket()
    after.callback(finder.close)
    finder.bind(("127.0.0.1", 0))


async def mended(_after):
    with socket.socket() as finder:
        finder.bind(("127.0.0.1", 0))
