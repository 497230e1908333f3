"""
The descriptor of a socket is taken out of it for a child process, and nobody closes it then.
"""

import os
import socket

KIND = "open socket"


async def broken(after):
    ours, theirs = socket.socketpair()
    with ours:
        after.callback(os.close, theirs.detach())


async def mended(_after):
    ours, theirs = socket.socketpair()
    with ours:
        os.close(theirs.detach())
