"""
The command line of the soak.
"""

from __future__ import annotations

import argparse
import resource
import sys

import attrs
import trio

from . import Plan, Report, soak


def main() -> int:
    """
    Run the soak, print what came of it, and return 1 if anything was wrong.
    """
    parser = argparse.ArgumentParser(prog="python -m examples.logsearch.soak")
    for field in attrs.fields(Plan):
        parser.add_argument(f"--{field.name}", type=type(field.default), default=field.default, help=f"{field.default}")
    report = trio.run(soak, Plan(**vars(parser.parse_args())))
    show(report)
    return 1 if report.record.violations else 0


def show(report: Report) -> None:
    """
    Print a report.
    """
    record = report.record
    print(f"{record.written} lines written, {report.lines} in the database, after {report.seconds:.1f} s.")
    print(", ".join(f"{count} {what}" for what, count in sorted(record.counts.items())))
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"The slowest stop took {report.slowest_stop:.2f} s; the service used up to {memory:.0f} MiB.")
    for line in report.noise[:20]:
        print(f"It also said: {line}")
    for violation in record.violations[:20]:
        print(f"VIOLATION: {violation}")
    print(f"{len(record.violations)} violations." if record.violations else "All is well.")


if __name__ == "__main__":
    sys.exit(main())
