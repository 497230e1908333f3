"""
MD5All: the digest of every file in a tree, as a pipeline.

    python -m examples.md5all DIR

One source walks the tree, several workers read files, and the pipeline holds no more of them in hand than it has workers. It is
the example of the Go team's article on pipelines and cancellation; there a failure has to be carried back by hand, through a
channel that everybody selects on. A file that cannot be read is reported here, and the others are digested all the same.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import trio

import trio_run as tr


def files_in(top: Path) -> Iterator[Path]:
    """
    Give the regular files below *top*, and not those behind links.
    """
    for folder, _, names in os.walk(top):
        for name in names:
            path = Path(folder, name)
            if path.is_file() and not path.is_symlink():
                yield path


async def walk(send: trio.abc.SendChannel[Path], top: Path) -> None:
    """
    Send each file below *top*. The disk is asked in a thread, one file at a time.
    """
    files = files_in(top)
    while (path := await trio.to_thread.run_sync(next, files, None)) is not None:
        await send.send(path)


def digest_of(path: Path) -> str:
    """
    Return the MD5 digest of a file. It blocks.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


async def digest(path: Path) -> tuple[Path, str]:
    """
    Return a file and its digest.
    """
    return path, await trio.to_thread.run_sync(digest_of, path)


async def md5all(top: Path, workers: int) -> tuple[dict[Path, str], list[tr.DeadLetter]]:
    """
    Return the digests of all files below *top*, and what could not be read.
    """
    digests: dict[Path, str] = {}
    unread: list[tr.DeadLetter] = []

    async def keep(result: tuple[Path, str]) -> None:
        path, found = result
        digests[path] = found

    async def keep_unread(letter: tr.DeadLetter) -> None:
        unread.append(letter)

    dead, letters = trio.open_memory_channel[tr.DeadLetter](0)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(tr.Pipeline(tr.source(letters), tr.sink(keep_unread), name="unread").run)
        async with dead:
            await tr.Pipeline(
                tr.source(walk, top),
                tr.stage(digest, workers=workers, on_error=dead),
                tr.sink(keep),
                name="md5all",
            ).run()
    return digests, unread


def main() -> int:
    """
    Print the digests in the form of md5sum.
    """
    parser = argparse.ArgumentParser(prog="python -m examples.md5all")
    parser.add_argument("top", type=Path, metavar="DIR", help="the folder to look through")
    parser.add_argument("--workers", type=int, default=8, help="how many files to read at a time (default: 8)")
    options = parser.parse_args()
    digests, unread = trio.run(md5all, options.top, options.workers)
    for path in sorted(digests):
        print(f"{digests[path]}  {path}")
    for letter in unread:
        print(f"{letter.item}: {letter.error}", file=sys.stderr)
    return 1 if unread else 0


if __name__ == "__main__":
    sys.exit(main())
