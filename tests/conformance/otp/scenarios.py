"""
Random scenarios, in JSON as recordings have them.

Four families, since scenarios that are random all over hardly ever meet the edges: anything at all; failures at the edge of a
window; significant children that end, fail to start and pass; and calls that come while a group is being restarted.
"""

from __future__ import annotations

import random
from typing import Any

Json = Any

STRATEGIES = ["one_for_one", "one_for_all", "rest_for_one"]
REASONS: list[Json] = ["crash", "crash", "normal", "shutdown", ["shutdown", "x"], "kill"]


def random_scenario(seed: int) -> dict[str, Json]:
    """
    Return the flags, specs and ops of a scenario.
    """
    r = random.Random(seed)
    family = r.choices([anything, windows, significance, interruptions], [5, 1, 2, 2])[0]
    return family(r)


def scenario(flags: Json, specs: list[Json], ops: list[Json]) -> dict[str, Json]:
    """
    Put a scenario together.
    """
    return {"flags": flags, "specs": specs, "ops": ops}


def windows(r: random.Random) -> dict[str, Json]:
    """
    Failures a period apart, give or take a second.
    """
    period = r.choice([1, 2, 5])
    flags = {"strategy": r.choice(STRATEGIES), "intensity": r.randint(0, 3), "period": period}
    specs = [
        {
            "id": name,
            "restart": r.choice(["permanent", "transient"]),
            "plan": ["ok", *r.choices(["ok", "error"], [6, 1], k=4)],
        }
        for name in "ab"
    ]
    ops: list[Json] = []
    for _ in range(12):
        ops.append(["advance", r.choice([0, 1, period - 1, period, period, period + 1])])
        ops.append(["exit", [r.choice("ab")], "crash"])
    return scenario(flags, specs, ops)


def significance(r: random.Random) -> dict[str, Json]:
    """
    Children whose end ends their supervisor.
    """
    names = ["a", "b", "c"]
    flags = {
        "strategy": r.choice(STRATEGIES),
        "intensity": r.choice([1, 20]),
        "period": 5,
        "auto_shutdown": r.choice(["any_significant", "all_significant", "all_significant"]),
    }
    specs = [
        {
            "id": name,
            "restart": r.choice(["transient", "transient", "temporary"]),
            "significant": r.random() < 0.8,
            "plan": ["ok", *r.choices(["ok", "error", "ignore"], [2, 3, 1], k=3)],
            **on_stop(r),
        }
        for name in names
    ]

    def op() -> Json:
        exits = [[[name], r.choice(["crash", "normal"])] for name in r.sample(names, r.randint(1, 3))]
        return r.choice(
            [
                ["burst", exits],
                ["terminate", [], r.choice(names)],
                ["restart", [], r.choice(names)],
                ["exit", *exits[0]],
            ]
        )

    inner = scenario(flags, specs, [op() for _ in range(6)])
    return nested(r, inner) if r.random() < 0.3 else inner


def nested(r: random.Random, inner: dict[str, Json]) -> dict[str, Json]:
    """
    Put a scenario below another supervisor.
    """
    restart = r.choice(["permanent", "transient", "temporary"])
    spec = {"id": "n", "restart": restart, "sup": [inner["flags"], inner["specs"]]}
    flags = {"strategy": r.choice(STRATEGIES), "intensity": 5, "period": 5}
    if restart != "permanent":
        flags["auto_shutdown"], spec["significant"] = r.choice(["any_significant", "all_significant"]), True

    def below(op: Json) -> Json:
        if op[0] == "burst":
            return ["burst", [[["n", *path], reason] for path, reason in op[1]]]
        return [op[0], ["n", *op[1]], *op[2:]]

    sibling = {"id": "m", "restart": "permanent"}
    return scenario(flags, [spec, sibling] if r.random() < 0.5 else [sibling, spec], [below(op) for op in inner["ops"]])


def interruptions(r: random.Random) -> dict[str, Json]:
    """
    Calls that come between a failed start and the next attempt.
    """
    names = ["a", "b", "c"]
    flags = {"strategy": r.choice(STRATEGIES), "intensity": r.choice([2, 3, 50]), "period": 5}
    specs = [
        {
            "id": name,
            "restart": r.choice(["permanent", "permanent", "transient", "temporary"]),
            "plan": ["ok", *(outcome(r, [], [*names, "d"]) for _ in range(4))],
            **on_stop(r),
        }
        for name in names
    ]
    ops: list[Json] = []
    for _ in range(r.randint(2, 6)):
        ops.append(["exit", [r.choice(names)], r.choice(["crash", "crash", "normal"])])
        if r.random() < 0.3:
            ops.append(call(r, [], [*names, "d"]))
    return scenario(flags, specs, ops)


def outcome(r: random.Random, path: list[str], names: list[str]) -> Json:
    """
    How a start goes, often not well.
    """
    kind = r.choices(["ok", "error", "ignore", "hold"], [4, 1, 1, 3])[0]
    return ["hold_error", call(r, path, names)] if kind == "hold" else kind


def call(r: random.Random, path: list[str], names: list[str]) -> Json:
    """
    Something asked of a supervisor.
    """
    name = r.choice(names)
    if r.random() < 0.25:
        spec = {"id": name, "restart": r.choice(["permanent", "transient", "temporary"])}
        if r.random() < 0.3:
            spec["plan"] = r.choices(["ok", "error", "raise", "ignore"], k=2)
        return ["start", path, spec | on_stop(r)]
    return [r.choice(["terminate", "restart", "restart", "delete"]), path, name]


def on_stop(r: random.Random) -> dict[str, Json]:
    """
    How a child goes, mostly well.
    """
    kind = r.random()
    if kind < 0.1:
        return {"on_stop": ["exit", r.choice(["normal", ["shutdown", "x"], "crash"])]}
    if kind < 0.13:
        return {"on_stop": "stubborn", "shutdown": 10}
    return {"shutdown": r.choice([5000, 5000, "infinity", "brutal_kill"])}


def anything(r: random.Random) -> dict[str, Json]:
    """
    A tree of up to three levels, and all that can be done to it.
    """
    paths: list[list[str]] = []
    supervisors: list[list[str]] = [[]]

    def flags() -> dict[str, Json]:
        result: dict[str, Json] = {
            "strategy": r.choice(STRATEGIES),
            "intensity": r.choice([0, 1, 2, 3, 5, 50]),
            "period": r.choice([1, 5, 10]),
        }
        if r.random() < 0.3:
            result["auto_shutdown"] = r.choice(["any_significant", "all_significant"])
        return result

    def plan(path: list[str], names: list[str]) -> list[Json]:
        first = "ok" if r.random() < 0.93 else r.choice(["ignore", "error", "raise"])
        rest = [r.choice(["ok", outcome(r, path, names), "raise"]) for _ in range(r.randint(0, 4))]
        return [first, *rest][: r.randint(0, 5)]

    def spec(path: list[str], name: str, parent: dict[str, Json], depth: int) -> dict[str, Json]:
        here = [*path, name]
        result: dict[str, Json] = {
            "id": name,
            "restart": r.choice(["permanent", "permanent", "transient", "temporary"]),
        }
        if result["restart"] != "permanent" and "auto_shutdown" in parent and r.random() < 0.6:
            result["significant"] = True
        if depth < 2 and r.random() < 0.25:
            own = flags()
            supervisors.append(here)
            result["sup"] = [own, [spec(here, each, own, depth + 1) for each in "xyz"[: r.randint(0, 3)]]]
            if r.random() < 0.2:
                result["plan"] = ["ok", *r.choices(["ok", "error", "ignore"], k=2)]
        else:
            paths.append(here)
            result |= on_stop(r)
            result["plan"] = plan(path, list("xyzd" if path else "abcd"))
        return result

    top = flags()
    specs = [spec([], name, top, 0) for name in "abcd"[: r.randint(1, 4)]]

    def op() -> Json:
        where = r.choice(supervisors)
        names = list("xyz" if where else "abcd")
        kind = r.choices(["exit", "burst", "call", "advance", "plan", "stop"], [35, 12, 36, 14, 3, 2])[0]
        if kind == "exit" and paths:
            return ["exit", r.choice(paths), r.choice(REASONS)]
        siblings = [path for path in paths if path[:-1] == where]
        if kind == "burst" and siblings:
            some = r.sample(siblings, r.randint(1, len(siblings)))
            return ["burst", [[path, r.choice(REASONS)] for path in some]]
        if kind == "plan" and paths:
            return ["plan", r.choice(paths), [outcome(r, where, names) for _ in range(2)]]
        if kind == "stop" and r.random() < 0.5:
            return "stop"
        return call(r, where, names) if kind == "call" else ["advance", r.choice([0, 1, 1, 4, 5, 6, 10, 11])]

    return scenario(top, specs, [op() for _ in range(r.randint(3, 12))])
