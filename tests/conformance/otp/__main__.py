"""
Replay recordings of OTP's supervisor against ours.

    python -m tests.conformance.otp FILE.jsonl[.gz] ...

Writes how each recording that is not equalled differs, and how many were and were not. The exit code is 0 if all were, 1 if one
was not, and 2 if a file cannot be read.
"""

from __future__ import annotations

import argparse
import collections
import sys
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
    try:
        recordings = [recording for file in parser.parse_args(args).files for recording in read(file)]
    except BadRecordingError as exc:
        print(exc, file=sys.stderr)
        return 2
    return replay(recordings)


def replay(recordings: list[Recording]) -> int:
    """
    Replay *recordings*, write down what comes of it, and return the exit code.
    """
    failed = direct = 0
    deviations: collections.Counter[Deviation] = collections.Counter()
    for recording in recordings:
        verdict = judge(recording)
        if verdict.complaint:
            failed += 1
            names = ", ".join(sorted(each.name for each in verdict.deviations)) or "no deviation"
            print(f"{recording.where}: differs ({names})\n{verdict.complaint}")
        direct += not verdict.deviations
        deviations.update(verdict.deviations)
    print(
        f"{direct} without a deviation, compared with the recording; {len(recordings) - direct} with, compared with the model:"
    )
    for deviation, count in deviations.most_common():
        print(f"  {count:5} {deviation.name}")
    print(f"{len(recordings) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
