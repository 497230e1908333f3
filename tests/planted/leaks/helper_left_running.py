"""
A helper process is started for a job, and outlives it.
"""

import subprocess

KIND = "child process"
COMMAND = ["cat"]


async def broken(after):
    process = after.enter_context(subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL))
    process.stdin.write(b"job")


async def mended(_after):
    with subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        process.stdin.write(b"job")
