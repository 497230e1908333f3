"""
A process is killed, and nobody takes its exit code.
"""

import os
import subprocess

KIND = "child process that ended and was not waited for"


async def broken(after):
    process = after.enter_context(subprocess.Popen(["cat"], stdin=subprocess.PIPE))
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)


async def mended(_after):
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as process:
        process.kill()
