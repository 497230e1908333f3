"""
The command: ``python -m benchmarks NAME [--json] [--full]``, or ``--list``.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys

from ._measure import Result, text_of

NAMES = ("supervise", "restart", "tools", "pipeline", "pool")


def main() -> int:
    """
    Run one benchmark and print what came of it.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", nargs="?", choices=NAMES, help="which benchmark to run")
    parser.add_argument("--list", action="store_true", help="list the benchmarks")
    parser.add_argument("--json", action="store_true", help="print the result as one line of JSON")
    parser.add_argument("--rounds", type=int, default=5, help="how often each case is measured (default: 5)")
    parser.add_argument("--full", action="store_true", help="take the larger sizes, where a benchmark has two")
    options = parser.parse_args()
    if options.list:
        for name in NAMES:
            first = (importlib.import_module(f"benchmarks.{name}").__doc__ or "").strip().splitlines()[0]
            print(f"{name:12} {first}")
        return 0
    if options.name is None:
        parser.error("give the name of a benchmark, or --list")
    module = importlib.import_module(f"benchmarks.{options.name}")
    result: Result = (getattr(module, "run_full", module.run) if options.full else module.run)(options.rounds)
    print(json.dumps(result.as_json()) if options.json else text_of(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
