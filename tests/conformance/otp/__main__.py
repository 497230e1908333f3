"""
Replay recordings of OTP's supervisor against ours.

    python -m tests.conformance.otp FILE.jsonl[.gz] ...

Writes how each recording that is not equalled differs, what is wrong with each line that is none, and how many there were of
all. The exit code is 0 if all were equalled, 1 if one was not, and 2 if a file or a line is no recording.
"""

from __future__ import annotations

import argparse
import collections
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from .deviation import Deviation
from .recording import BadRecordingError, Recording, read
from .verdict import judge


def main(args: list[str] | None = None) -> int:
    """
    Replay the files named in *args*, and return the exit code.
    """
    parser = argparse.ArgumentParser(
        prog="python -m tests.conformance.otp", description="Replay recordings of OTP's supervisor."
    )
    parser.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help="recordings, one JSON object a line, may be gzipped"
    )
    refused: list[BadRecordingError] = []
    failed = replay(each for file in parser.parse_args(args).files for each in recordings_in(file, refused))
    for complaint in refused:
        print(complaint, file=sys.stderr)
    if refused:
        print(f"{len(refused)} refused")
    return 1 if failed else 2 if refused else 0


def recordings_in(file: Path, refused: list[BadRecordingError]) -> Iterator[Recording]:
    """
    Yield the recordings in *file*, and keep what is wrong with it, or with lines of it.
    """
    try:
        yield from read(file, refused)
    except BadRecordingError as exc:
        refused.append(exc)


def replay(recordings: Iterable[Recording]) -> int:
    """
    Replay *recordings*, write down what comes of it, and return how many were not equalled.
    """
    total = failed = direct = 0
    deviations: collections.Counter[Deviation] = collections.Counter()
    for recording in recordings:
        total += 1
        verdict = judge(recording)
        if verdict.complaint:
            failed += 1
            names = ", ".join(sorted(each.name for each in verdict.deviations)) or "no deviation"
            print(f"{recording.where}: differs ({names})\n{verdict.complaint}")
        direct += not verdict.deviations
        deviations.update(verdict.deviations)
    print(f"{direct} without a deviation, compared with the recording; {total - direct} with, compared with the model:")
    for deviation, count in deviations.most_common():
        print(f"  {count:5} {deviation.name}")
    print(f"{total - failed} passed, {failed} failed")
    return failed


if __name__ == "__main__":
    sys.exit(main())
