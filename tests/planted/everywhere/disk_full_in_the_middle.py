"""
A full disk leaves half a record. Found by fault_everywhere with `sometimes`: invariant.
"""

import contextlib

import trio

from trio_run.testing import sometimes

FINDS = {"fault_everywhere": "invariant"}

disk = []


def write(line):
    if sometimes("disk full"):
        raise OSError("no space left")
    disk.append(line)


async def broken():
    disk.clear()
    await trio.sleep(1)
    with contextlib.suppress(OSError):
        write("begin")
        write("end")


async def mended():
    disk.clear()
    await trio.sleep(1)
    before = list(disk)
    try:
        write("begin")
        write("end")
    except OSError:
        disk[:] = before


def check(result):
    assert disk in ([], ["begin", "end"])
