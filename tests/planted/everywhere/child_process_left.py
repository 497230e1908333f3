"""
A child process is ended after the work, and runs on if that is broken off. Found by both: leak.
"""

import subprocess

import trio

FINDS = {"cancel_everywhere": "leak", "fault_everywhere": "leak"}

COMMAND = ["cat"]

kept = []


def end_kept():
    while kept:
        process = kept.pop()
        process.stdin.close()
        process.wait()


async def broken():
    end_kept()
    kept.append(subprocess.Popen(COMMAND, stdin=subprocess.PIPE))
    await trio.sleep(1)
    end_kept()


async def mended():
    end_kept()
    kept.append(subprocess.Popen(COMMAND, stdin=subprocess.PIPE))
    try:
        await trio.sleep(1)
    finally:
        end_kept()


def tidy_up():
    """
    End what the last run left.
    """
    end_kept()
