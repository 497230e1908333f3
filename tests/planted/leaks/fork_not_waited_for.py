"""
A fork does a part of the work, and its parent goes on without asking what became of it.
"""

import os

KIND = "child process that ended and was not waited for"


def fork():
    pid = os.fork()
    if not pid:
        os._exit(0)
    return pid


async def broken(after):
    pid = fork()
    after.callback(os.waitpid, pid, 0)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)  # It has ended by now.


async def mended(_after):
    os.waitpid(fork(), 0)
