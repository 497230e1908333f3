"""
Record random scenarios on the OTP that is installed.

    python -m tests.conformance.otp.record FILE.jsonl [COUNT [FIRST_SEED]]

The scenarios are written as Erlang terms for `record.escript`, which runs them on OTP's own supervisor and answers with the
events of each.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .scenarios import random_scenario

ESCRIPT = Path(__file__).with_name("record.escript")


def record(file: Path, scenarios: Sequence[dict[str, Any]]) -> None:
    """
    Write a recording of each scenario to *file*.
    """
    with tempfile.TemporaryDirectory() as folder:
        terms = Path(folder) / "scenarios"
        terms.write_text("".join(term_of(number, each) for number, each in enumerate(scenarios)))
        done = subprocess.run(["escript", ESCRIPT, "run", terms], check=True, capture_output=True, text=True)
    with file.open("w") as lines:
        for line in done.stdout.splitlines():
            answer = json.loads(line)
            lines.write(json.dumps(scenarios[answer["id"]] | {"events": answer["ev"]}) + "\n")


def term_of(number: int, scenario: dict[str, Any]) -> str:
    """
    Write a scenario as an Erlang term.
    """
    ops = [op_of(op) for op in scenario["ops"]]
    return f"{{scn, {number}, {flags_of(scenario['flags'])}, [{', '.join(map(spec_of, scenario['specs']))}], [{', '.join(ops)}]}}.\n"


def term(value: Any) -> str:
    """
    Write a value: words are atoms.
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "#{" + ", ".join(f"{key} => {term(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(term, value)) + "]"
    return str(value)


def reason_of(value: Any) -> str:
    """
    Write a reason: an atom, or ``{shutdown, Term}``.
    """
    return f"{{{value[0]}, {value[1]}}}" if isinstance(value, list) else str(value)


def flags_of(flags: dict[str, Any]) -> str:
    """
    Write the flags of a supervisor.
    """
    parts = {key: spec_of(value) if key == "template" else term(value) for key, value in flags.items()}
    return "#{" + ", ".join(f"{key} => {value}" for key, value in parts.items()) + "}"


def spec_of(spec: dict[str, Any]) -> str:
    """
    Write the specification of a child.
    """
    parts = {key: term(value) for key, value in spec.items() if key in {"id", "restart", "significant", "shutdown"}}
    if "plan" in spec:
        parts["plan"] = f"[{', '.join(map(outcome_of, spec['plan']))}]"
    if "on_stop" in spec:
        on_stop = spec["on_stop"]
        parts["on_stop"] = on_stop if isinstance(on_stop, str) else f"{{exit, {reason_of(on_stop[1])}}}"
    if "sup" in spec:
        flags, specs = spec["sup"]
        parts["sup"] = f"{{{flags_of(flags)}, [{', '.join(map(spec_of, specs))}]}}"
    return "#{" + ", ".join(f"{key} => {value}" for key, value in parts.items()) + "}"


def outcome_of(outcome: Any) -> str:
    """
    Write how a start goes.
    """
    return outcome if isinstance(outcome, str) else f"{{hold_error, {op_of(outcome[1])}}}"


def op_of(op: Any) -> str:
    """
    Write one thing to do.
    """
    if isinstance(op, str):
        return op
    match op:
        case ["exit", path, reason]:
            return f"{{exit, {term(path)}, {reason_of(reason)}}}"
        case ["burst", exits]:
            return f"{{burst, [{', '.join(f'{{{term(path)}, {reason_of(reason)}}}' for path, reason in exits)}]}}"
        case ["start", path, spec]:
            return f"{{start, {term(path)}, {spec_of(spec)}}}"
        case ["plan", path, outcomes]:
            return f"{{plan, {term(path)}, [{', '.join(map(outcome_of, outcomes))}]}}"
        case [word, *rest]:
            return f"{{{', '.join([word, *map(term, rest)])}}}"
    raise AssertionError(op)


if __name__ == "__main__":
    count, first = (
        (int(each) for each in [*sys.argv[2:], "2000", "0"][:2]) if len(sys.argv) < 4 else map(int, sys.argv[2:4])
    )
    record(Path(sys.argv[1]), list(map(random_scenario, range(first, first + count))))
