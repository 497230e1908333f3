"""
Try the tools on code of others.

`python -m tests.thirdparty` counts what is found. `python -m tests.thirdparty LIBRARY SCENARIO TOOL [POINT]` shows the report of
one tool, at all points or at one.
"""

import sys
from importlib.metadata import version

from tests.planted.table import table
from tests.thirdparty import scenarios


def main(library=None, scenario=None, tool=None, at=None) -> None:
    """
    Print a table, or one report.
    """
    if library is None:
        print(measured())
        return
    (fn,) = (fn for fn in scenarios.scenarios_of(library) if fn.__name__ == scenario)
    print(scenarios.explored(fn) if tool == "explore" else scenarios.tried(fn, tool, None if at is None else int(at)))


def measured() -> str:
    """
    Count scenarios, points and findings, library by library.
    """
    head = ("library", "scenarios", "schedules", "that fail", "cancelled at", "faults at", "scenarios with a finding")
    return table(head, map(_row, scenarios.installed()))


def _row(library):
    fns = scenarios.scenarios_of(library)
    explored = [scenarios.explored(fn) for fn in fns]
    reports = {tool: [scenarios.tried(fn, tool) for fn in fns] for tool in scenarios.TOOLS}
    found = sum(any(reports[tool][number].findings for tool in reports) for number in range(len(fns)))
    runs, failed = sum(each.runs for each in explored), sum(each.failure is not None for each in explored)
    points = [sum(len(report.points) for report in each) for each in reports.values()]
    return f"{library} {version(library)}", len(fns), runs, failed, *points, found


if __name__ == "__main__":
    main(*sys.argv[1:])
