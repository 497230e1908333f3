"""
What the operating system tells, and what is left of that where it tells less.
"""

import os
import socket
import subprocess

import pytest

from trio_run.leaks import Kind, _machine
from trio_run.leaks._machine import descriptors, processes, wait_for_end

pytestmark = pytest.mark.real


def by_number():
    """
    Return the open descriptors by number.
    """
    return {each.number: each for each in descriptors()}


class TestDescriptors:
    @pytest.mark.parametrize("platform", ["linux", "darwin"])
    def test_kinds(self, monkeypatch, platform, tmp_path):
        """
        Pipes, sockets and files are told apart, with and without /proc.
        """
        monkeypatch.setattr(_machine.sys, "platform", platform)
        with socket.socket() as sock, (tmp_path / "file").open("w") as file:
            ends = os.pipe()
            found = by_number()
            for end in ends:
                os.close(end)

            assert Kind.SOCKET is found[sock.fileno()].kind
            assert Kind.FILE is found[file.fileno()].kind
            assert [Kind.PIPE] * 2 == [found[end].kind for end in ends]

    def test_finds_not_itself(self):
        """
        Two looks in a row see the same: the look itself leaves nothing open.
        """
        assert by_number() == by_number()

    def test_none(self, monkeypatch):
        """
        A system that tells nothing makes no trouble.
        """

        def refuse(folder):
            raise FileNotFoundError(folder)

        monkeypatch.setattr(_machine.os, "listdir", refuse)

        assert {} == by_number()


class TestProcesses:
    @pytest.mark.parametrize("platform", ["linux", "darwin"])
    def test_running_and_ended(self, monkeypatch, platform):
        """
        A child that runs, one that ended, and one that was waited for are told apart, and looking changes none of it.
        """
        monkeypatch.setattr(_machine.sys, "platform", platform)
        running = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
        ended = subprocess.Popen(["true"])
        wait_for_end(ended.pid, 10)
        done = subprocess.Popen(["true"])
        done.wait()
        pids = [running.pid, ended.pid, done.pid]
        found = {each.number: each.ended for each in processes(pids)}
        running.stdin.close()
        running.wait()
        ended.wait()

        assert {running.pid: False, ended.pid: True} == {pid: found[pid] for pid in pids if pid in found}

    def test_wait_for_nobody(self):
        """
        A process that is gone is not waited for.
        """
        process = subprocess.Popen(["true"])
        process.wait()
        wait_for_end(process.pid, 1000)
