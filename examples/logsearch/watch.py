"""
Watches the folder: each log in it gets a follower, as a child of a supervisor.

Looks through the folder again and again, not into subfolders. A file is a log if it is called ``*.log``. A file that is known
under such a name but was renamed is followed on as long as it grows, or as long as there is something in it that was not read:
that is how a rotated log comes to its end, also if it was rotated while nobody looked. A file that came and was renamed while
nobody looked is not known: its name does not tell it from the copy of a log that was read.

Laws: there is one follower for each file, whatever the file is called. Only a log is begun; what is no log any more is only
continued. A folder that cannot be read is tried again.
"""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path
from typing import Any, Final

import attrs
import structlog
import trio

import trio_run as tr

from .database import Readers
from .faults import Faults
from .follow import Follower, Pace, Source, key_of
from .lines import Place
from .parse import Parse

QUICK: Final = tr.Backoff(first=0.1, max=0.5, stable_after=1.0)
"""How soon to start again what failed: others wait for it."""

FORGIVING: Final = tr.Budget(restarts=100, per=60.0)

log = structlog.get_logger("logsearch")


@attrs.define(eq=False)
class Watch:
    """
    A child that sees to it that each log is followed.
    """

    folder: Path
    _parse: Parse
    _path: Path
    _pace: Pace
    _faults: Faults
    followers: dict[str, _Followed] = attrs.field(factory=dict)
    """What is followed now, by key."""

    _left: dict[str, Place] = attrs.field(factory=dict)  # How far files were read that nobody follows now.
    _trouble: str | None = None

    async def run(self, *, task_status: trio.TaskStatus[None]) -> None:
        """
        Look through the folder. Ready when all the logs that are there have their followers.
        """
        self.followers.clear()
        self._left = await trio.to_thread.run_sync(_places, self._path)
        with self._faults.exposed("watch"):
            async with tr.open_supervisor("files", backoff=QUICK, budget=FORGIVING) as files:
                with tr.cancel_on_stop():  # The supervisor hears of a stop too, and takes no more orders then.
                    await self._look(files)
                    task_status.started()
                    while True:
                        await trio.sleep(self._pace.interval)
                        await self._look(files)

    @property
    def sources(self) -> list[Source]:
        """
        All files that are followed.
        """
        return [followed.source for followed in self.followers.values()]

    async def _look(self, files: tr.Supervisor) -> None:
        try:
            found = await trio.to_thread.run_sync(scan, self.folder)
        except OSError as exc:
            self._complain(exc)
            return
        self._trouble = None
        await trio.lowlevel.checkpoint()  # A stop may have come while the thread worked.
        await self._leave(files)
        for key, followed in self.followers.items():
            entry = found.pop(key, None)
            followed.source.listed = entry is not None and entry.is_log
            if entry is not None:
                followed.source.path = entry.path
        for key, entry in found.items():
            known = self._left.get(key)
            if entry.is_log or (known is not None and entry.size > known.offset):
                self._follow(files, Source(key, entry.path.name, entry.path, entry.size, entry.is_log))

    def _follow(self, files: tr.Supervisor, source: Source) -> None:
        taken = {followed.name for followed in self.followers.values()}
        name, number = source.name, 1
        while name in taken:  # It was rotated: the file before it is read to its end under the same name.
            number += 1
            name = f"{source.name}-{number}"
        follower = Follower(name, source, self._parse.inbox, self._pace, self._faults)
        handle = files.start_soon(tr.Child(follower, name=name, restart=tr.Restart.ON_FAILURE))
        self.followers[source.key] = _Followed(name, source, handle)

    async def _leave(self, files: tr.Supervisor) -> None:
        """
        Forget the followers that are done, but not how far they got.
        """
        for key, followed in list(self.followers.items()):
            if followed.handle.done:
                await files.remove(followed.name)
                del self.followers[key]
                if followed.source.place is None:
                    self._left.pop(key, None)
                else:
                    self._left[key] = followed.source.place

    def _complain(self, exc: OSError) -> None:
        trouble = exc.strerror or str(exc)
        if trouble != self._trouble:
            self._trouble = trouble
            log.warning("folder.unreadable", folder=str(self.folder), why=trouble)


@attrs.frozen(eq=False)
class _Followed:
    name: str
    source: Source
    handle: tr.Handle[Any]


@attrs.frozen
class Entry:
    """
    A file in the folder.
    """

    path: Path
    size: int

    @property
    def is_log(self) -> bool:
        """
        Whether it is called like a log.
        """
        return self.path.suffix == ".log"


def _places(path: Path) -> dict[str, Place]:
    with contextlib.closing(Readers(path)) as readers:
        return readers.places()


def scan(folder: Path) -> dict[str, Entry]:
    """
    Return the files of a folder by key; one that has several names, by the name of a log if there is one.

    Raises:
        OSError: The folder cannot be read.
    """
    found: dict[str, Entry] = {}
    with os.scandir(folder) as entries:
        for each in sorted(entries, key=lambda entry: entry.name):
            try:
                status = each.stat()
            except OSError:
                continue  # Gone since, or a link to nowhere.
            entry = Entry(Path(each.path), status.st_size)
            if stat.S_ISREG(status.st_mode) and (entry.is_log or key_of(status) not in found):
                found[key_of(status)] = entry
    return found
