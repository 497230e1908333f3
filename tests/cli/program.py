"""
A program that runs under the command, in a process of its own.
"""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).parent.parent.parent

HEAD = """
import logging, os, sqlite3, sys, time
import structlog, trio
import trio_run as tr

async def steady(*, task_status=trio.TASK_STATUS_IGNORED):
    task_status.started()
    await trio.sleep_forever()

async def drain():
    await tr.wait_stopping()
    await trio.sleep_forever()

async def hog():
    await trio.lowlevel.checkpoint()
    print("hogging", flush=True)
    while True:
        time.sleep(0.01)
"""


class Program:
    """
    A command that is running. What it prints is read line by line, so that nobody has to guess how long something takes.
    """

    def __init__(self, folder, *args, terminal=False):
        self.lines = []
        command = [sys.executable, "-m", "trio_run", *args]
        settings = {"cwd": folder, "env": environment()}
        if terminal:
            master, slave = pty.openpty()
            self.process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, **settings)
            os.close(slave)
            self.output = os.fdopen(master, "rb", buffering=0)
        else:
            self.process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0, **settings
            )
            self.output = self.process.stdout

    def read_line(self):
        """
        Return the next line, or nothing at the end.
        """
        try:
            line = self.output.readline().decode().rstrip("\r\n")
        except OSError:  # How a terminal says that nobody is at the other end.
            line = ""
        self.lines.append(line)
        return line

    def wait_for(self, text):
        """
        Return the next line with *text* in it.
        """
        while text not in (line := self.read_line()):
            assert line or self.process.poll() is None, f"{text!r} never came. What came: {self.text}"
        return line

    def send(self, signum):
        """
        Send a signal.
        """
        self.process.send_signal(signum)

    def end(self):
        """
        Wait for the end, and return the code.
        """
        while self.read_line():
            pass
        return self.process.wait()

    def close(self):
        """
        End what is still running.
        """
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for stream in (self.output, self.process.stdin):
            if stream is not None:
                stream.close()

    @property
    def text(self):
        """
        All that was read so far.
        """
        return "\n".join(self.lines)

    @property
    def events(self):
        """
        The lines that are JSON.
        """
        return [json.loads(line) for line in self.lines if line.startswith("{")]


def environment(**more):
    """
    The environment of a command that uses this trio_run, with buffers as most people have them.
    """
    ours = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return {**ours, "PYTHONPATH": str(TOP), "TERM": "xterm", **more}
