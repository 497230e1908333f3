"""
Who is at the other end of a file descriptor: this process, or somebody outside. For Linux, where the kernel can be asked.

Bytes that are on their way inside of the kernel count as somebody, since they will arrive without anybody's doing.

Law: when it cannot be known whether the other end is in this process, it is not.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import stat
import struct
import sys
import termios
from collections.abc import Generator, Iterator
from pathlib import Path

import attrs

Address = tuple[str, int]


@attrs.frozen
class _Internet:
    """
    A socket of this process, by the addresses of its ends.
    """

    descriptor: int
    kind: int
    here: Address
    there: Address | None


@attrs.define
class Ends:
    """
    The ends of pipes and connections that are in this process; looked up when they are needed.
    """

    looked: bool = False
    bound: set[Address] = attrs.field(factory=set)
    """Where a socket of this process can be reached."""
    pairs: dict[tuple[Address, Address], _Internet] = attrs.field(factory=dict)
    """The connected sockets of this process, by their own address and that of the other end."""

    def beyond(self, descriptor: int) -> str:
        """
        Return who outside may make *descriptor* ready; nothing if that is up to this process alone.
        """
        try:
            mode = os.fstat(descriptor).st_mode
        except OSError:  # It was closed, and trio will hear of it.
            return ""
        if stat.S_ISFIFO(mode):
            return "" if _is_loop(descriptor) else f"who is at the other end of pipe {descriptor}"
        if not stat.S_ISSOCK(mode):
            return f"what file descriptor {descriptor} stands for"
        with _borrowed(descriptor) as sock:
            if sock.family == socket.AF_UNIX:
                return self._beyond_unix(sock)
            return self._beyond_internet(sock)

    def _beyond_unix(self, sock: socket.socket) -> str:
        try:
            sock.getpeername()
        except OSError:  # Nobody is connected.
            return ""
        credentials = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        process = struct.unpack("3i", credentials)[0]
        return "" if process == os.getpid() else f"the process {process}"

    def _beyond_internet(self, sock: socket.socket) -> str:
        if sock.family not in {socket.AF_INET, socket.AF_INET6}:
            return f"what socket {sock.fileno()} is connected to"
        if sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            return ""
        this = _internet(sock)
        if this.there is None:
            private = this.kind == socket.SOCK_DGRAM and _is_local(this.here)
            return "" if private else f"whoever answers socket {this.descriptor}"
        return self._beyond_connection(this, this.there)

    def _beyond_connection(self, this: _Internet, there: Address) -> str:
        if not self.looked:
            self._look()
        to_all = {("0.0.0.0", there[1]), ("::", there[1])}  # noqa: S104 - it is looked for, not bound
        if there not in self.bound and not (_is_local(there) and to_all & self.bound):
            return f"{there[0]}:{there[1]}"
        other = self.pairs.get((there, this.here))
        if other is None:  # It was not accepted yet.
            return ""
        return "the kernel" if _is_under_way(this, other) or _is_under_way(other, this) else ""

    def _look(self) -> None:
        """
        Find all sockets of this process.
        """
        self.looked = True
        for sock in _own_sockets():
            self.bound.add(sock.here)
            if sock.there is not None:
                self.pairs[sock.here, sock.there] = sock


def _is_under_way(sender: _Internet, receiver: _Internet) -> bool:
    """
    Tell whether something is on its way that will reach *receiver* without anybody's doing.
    """
    return _queued(sender.descriptor, termios.TIOCOUTQ) > 0 and _queued(receiver.descriptor, termios.FIONREAD) == 0


def _queued(descriptor: int, request: int) -> int:
    return int.from_bytes(fcntl.ioctl(descriptor, request, bytes(4)), sys.byteorder)


def _is_loop(descriptor: int) -> bool:
    """
    Tell whether this process has both ends of the pipe *descriptor*.
    """
    this = os.fstat(descriptor)
    way = fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE
    for other in _own_descriptors():
        with contextlib.suppress(OSError):
            that = os.fstat(other)
            is_same = (that.st_dev, that.st_ino) == (this.st_dev, this.st_ino)
            if is_same and (way == os.O_RDWR or fcntl.fcntl(other, fcntl.F_GETFL) & os.O_ACCMODE != way):
                return True
    return False


def _own_descriptors() -> Iterator[int]:
    return (int(entry.name) for entry in Path("/proc/self/fd").iterdir())


def _own_sockets() -> Iterator[_Internet]:
    """
    Yield the sockets of this process that have an address on the net.
    """
    for descriptor in _own_descriptors():
        with contextlib.suppress(OSError):
            if stat.S_ISSOCK(os.fstat(descriptor).st_mode):
                with _borrowed(descriptor) as sock:
                    if sock.family in {socket.AF_INET, socket.AF_INET6}:
                        yield _internet(sock)


def _internet(sock: socket.socket) -> _Internet:
    try:
        there = _address(sock.getpeername())
    except OSError:
        there = None
    return _Internet(sock.fileno(), sock.type, _address(sock.getsockname()), there)


def _address(name: tuple[str, int, *tuple[int, ...]]) -> Address:
    """
    Return an address in one form, however the family of the socket writes it.
    """
    return name[0].removeprefix("::ffff:"), name[1]


def _is_local(address: Address) -> bool:
    return address[0] == "::1" or address[0].startswith("127.")


@contextlib.contextmanager
def _borrowed(descriptor: int) -> Generator[socket.socket]:
    """
    Look at a file descriptor as a socket, and leave it open.
    """
    sock = socket.socket(fileno=descriptor)
    try:
        yield sock
    finally:
        sock.detach()
