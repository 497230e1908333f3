"""
Mutation testing of what the supervisor decides: `python -m tests.mutation`, or `nox -s mutation`.

mutmut changes the modules named in `pyproject.toml` in one place at a time, and runs the tests of the core. A change that no
test minds is either missing from the tests or changes nothing; the latter stand below, each with the reason. What is found is
compared with them, so that none is left unexplained, and no explanation outlives what it explains.

Arguments are patterns of names of mutants, as in ``'trio_run.supervision._policy*'``; the default is all.
"""

from __future__ import annotations

import collections
import shutil
import subprocess
import sys

EQUIVALENT = {
    "return actions + self.order.decide(now) if (self._leave()) or True else actions": (
        "A second look in the same moment finds nothing to do."
    ),
    "_leave: return True": "A second look in the same moment finds nothing to do.",
    "return self.order.restless() or bool(None)": "The end that makes it due is still to be told, or the boot is not over.",
    "if len(exits) >= 1:": "To sort one exit changes nothing.",
    **dict.fromkeys(
        [
            "if type(None) is float and value >= 0:",
            "if type(value) is float and value > 0:",
            "if type(value) is float and value >= 1:",
        ],
        "What is not found to be well at once is looked at closely, and found to be.",
    ),
    "self._count += 2": "Only which number is greater counts.",
    'line = "" if (own is None and self.ledger.budget.is_endless) and False else self._history_line(fact, now)': (
        "Nobody keeps the line; it is made for nothing."
    ),
    'line = "XXXX" if own is None and self.ledger.budget.is_endless else self._history_line(fact, now)': (
        "Nobody keeps the line."
    ),
    "return fact._replace(ending=Ending.UNHEALTHY, error=fault, decision=None)": (
        "Whoever asks for a decision asks whether it is to stop or to escalate."
    ),
}
"""
Changes that change nothing that can be seen, and why: what a line became, after the function where the line alone is not enough.
"""


def change_of(mutant: str) -> str:
    """
    The line that a mutant changed, as it is in it.
    """
    shown = _mutmut("show", mutant).splitlines()
    lines = [line[1:].partition("  #")[0].strip() for line in shown if line.startswith("+") and line[:3] != "+++"]
    return lines[0] if lines else "a line less"


def why(mutant: str, change: str) -> str | None:
    """
    Why nobody can mind a change; None if that is not known.
    """
    function = mutant.rpartition("__mutmut_")[0].rpartition("\u01c1")[2]
    return EQUIVALENT.get(change) or EQUIVALENT.get(f"{function}: {change}")


def main(patterns: list[str]) -> int:
    """
    Run, compare, tell; return the exit code.
    """
    shutil.rmtree("mutants", ignore_errors=True)
    subprocess.run(["mutmut", "run", *patterns], check=True)
    results = [
        line.strip().partition(": ") for line in _mutmut("results", "--all", "true").splitlines() if ": " in line
    ]
    counts = collections.Counter(status for _mutant, _colon, status in results if status != "not checked")
    unexplained = 0
    for mutant, _, status in results:
        if status in {"killed", "timeout", "caught by type check", "not checked"}:
            continue
        change = change_of(mutant)
        reason = why(mutant, change)
        unexplained += reason is None
        print(f"{mutant} ({status})\n    {change}\n    {reason or 'NOT EXPLAINED'}")
    print(", ".join(f"{count} {status}" for status, count in counts.most_common()) + f"; {unexplained} not explained")
    return 1 if unexplained else 0


def _mutmut(*arguments: str) -> str:
    return subprocess.run(["mutmut", *arguments], check=True, capture_output=True, encoding="utf-8").stdout


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
