"""
Random scenarios, in JSON as recordings have them.

Four families, since scenarios that are random all over hardly ever meet the edges: anything at all; failures at the edge of a
window; significant children that end, fail to start and pass; and calls that come while a group is being restarted. Besides,
there are trees of other shapes, each with much of one thing.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import attrs

Json = Any

STRATEGIES = ["one_for_one", "one_for_all", "rest_for_one"]
USUALLY_ROUGH = 0.13
REASONS: list[Json] = ["crash", "crash", "normal", "shutdown", ["shutdown", "x"], "kill"]


def random_scenario(seed: int) -> dict[str, Json]:
    """
    Return the flags, specs and ops of a scenario.
    """
    r = random.Random(seed)
    family = r.choices([anything, windows, significance, interruptions], [5, 2, 2, 1])[0]
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


def outcome(r: random.Random, path: list[str], names: Sequence[str]) -> Json:
    """
    How a start goes, often not well.
    """
    kind = r.choices(["ok", "error", "ignore", "hold"], [4, 1, 1, 3])[0]
    return ["hold_error", call(r, path, names)] if kind == "hold" else kind


def call(r: random.Random, path: list[str], names: Sequence[str]) -> Json:
    """
    Something asked of a supervisor.
    """
    name = r.choice(names)
    op = r.choices(["start", "terminate", "restart", "delete"], [10, 10, 10, 6])[0]
    if op == "start":
        spec = {"id": name, "restart": r.choice(["permanent", "transient", "temporary"])}
        if r.random() < 0.3:
            spec["plan"] = r.choices(["ok", "error", "raise", "ignore"], k=2)
        return ["start", path, spec | on_stop(r)]
    return [op, path, name]


def dynamic_call(r: random.Random, path: list[str]) -> Json:
    """
    Something asked of a supervisor whose children are made by a template.
    """
    return [r.choice(["start_dyn", "start_dyn", "terminate_dyn"]), path, r.choice([1, 2, 3])]


def on_stop(r: random.Random, rough: float = USUALLY_ROUGH) -> dict[str, Json]:
    """
    How a child goes, mostly well.
    """
    kind = r.random() / rough
    if kind < 0.77:
        return {"on_stop": ["exit", r.choice(["normal", ["shutdown", "x"], "crash"])]}
    if kind < 1:
        return {"on_stop": "stubborn", "shutdown": 10}
    return {"shutdown": r.choice([5000, 5000, "infinity", "brutal_kill"])}


@attrs.frozen(kw_only=True)
class Shape:
    """
    What a tree looks like, and what is done to it.
    """

    depth: int = 2
    """How many levels there may be below the first."""

    width: int = 4
    nesting: float = 0.25
    """The part of children that are supervisors."""

    intensities: Sequence[int] = (0, 1, 2, 3, 5, 50)
    periods: Sequence[int] = (1, 5, 10)
    significance: float = 0.3
    """The part of supervisors that ask who is significant."""

    starts: int = 5
    """For how many starts of a child there is a plan."""

    rough: float = USUALLY_ROUGH
    """The part of children that do not go as they should; a quarter of them are stubborn."""

    ops: tuple[int, int] = (3, 12)
    kinds: Sequence[int] = (35, 12, 36, 14, 2, 3)
    """How often there are exits, bursts, calls, seconds, plans and stops."""

    seconds: Sequence[int] = (0, 1, 1, 4, 5, 6, 10, 11)
    reasons: Sequence[Json] = REASONS
    dynamic: float = 0.0
    """The part of supervisors whose children are made by a template."""

    killed: float = 0.0
    """The part of supervisors that are killed rather than asked, and of exits that are theirs."""


USUAL = Shape()
SHAPES = [
    Shape(depth=4, width=3, nesting=0.55, intensities=(0, 1, 1, 2, 3), kinds=(45, 15, 20, 14, 3, 1)),
    Shape(depth=1, ops=(15, 40), intensities=(3, 5, 10, 50), kinds=(20, 10, 60, 8, 8, 0)),
    Shape(
        significance=0.9, reasons=["normal", "normal", "shutdown", "crash", "kill"], nesting=0.4, intensities=(1, 5, 50)
    ),
    Shape(
        depth=0, periods=(1, 2, 3, 7, 30, 60), seconds=(0, 1, 2, 3, 6, 7, 29, 30, 31, 60), kinds=(45, 10, 5, 45, 3, 0)
    ),
    Shape(depth=1, width=7, nesting=0.1, kinds=(10, 60, 15, 5, 5, 0), intensities=(2, 3, 5, 50)),
    Shape(rough=0.7, reasons=["kill", "kill", "crash"], kinds=(30, 20, 40, 5, 5, 1)),
    Shape(starts=12, intensities=(5, 10, 50), kinds=(50, 15, 20, 5, 20, 0)),
]
RARE_SHAPES = [
    Shape(depth=1, nesting=0.4, dynamic=0.7, ops=(8, 25), kinds=(25, 15, 60, 5, 2, 1)),
    Shape(depth=1, nesting=0.4, dynamic=0.7, rough=0.7, significance=0.8, ops=(8, 25), kinds=(20, 10, 60, 5, 2, 1)),
    Shape(depth=2, nesting=0.6, killed=0.4, starts=1, kinds=(45, 15, 30, 5, 0, 1)),
    Shape(depth=2, nesting=0.6, killed=0.4, starts=1, rough=0.5, kinds=(45, 15, 30, 5, 0, 1)),
    Shape(depth=2, nesting=0.5, dynamic=0.5, killed=0.3, starts=1, ops=(8, 25), kinds=(25, 15, 60, 5, 2, 1)),
]


def other_scenario(seed: int) -> dict[str, Json]:
    """
    Return a scenario with more of one thing than is usual: levels, calls, significance, time, bursts, stubbornness or plans.
    """
    r = random.Random(f"other {seed}")
    return anything(r, r.choice(SHAPES))


def rare_scenario(seed: int) -> dict[str, Json]:
    """
    Return a scenario with supervisors that are killed, and with such whose children are made by a template.
    """
    r = random.Random(f"rare {seed}")
    return anything(r, r.choice(RARE_SHAPES))


def anything(r: random.Random, shape: Shape = USUAL) -> dict[str, Json]:
    """
    A tree of some levels, and all that can be done to it.
    """
    tree = Tree(r, shape)
    top, specs = tree.supervisor([], tree.flags(), 0)
    return scenario(top, specs, [tree.op() for _ in range(r.randint(*shape.ops))])


class Tree:
    """
    A tree of random children, by their paths.
    """

    def __init__(self, r: random.Random, shape: Shape) -> None:
        self.r, self.shape = r, shape
        self.paths: list[Json] = []
        self.supervisors: list[Json] = []
        self.dynamic: list[Json] = []

    def names(self, path: Json) -> Sequence[Any]:
        """
        Return what a child at that place may be called.
        """
        if path in self.dynamic:
            return [1, 2, 3]
        return "xyzuvwt"[: max(3, self.shape.width)] if path else "abcdefg"[: self.shape.width]

    def flags(self) -> dict[str, Json]:
        """
        Return how a supervisor is set up.
        """
        r, shape = self.r, self.shape
        result: dict[str, Json] = {
            "strategy": r.choice(STRATEGIES),
            "intensity": r.choice(shape.intensities),
            "period": r.choice(shape.periods),
        }
        if r.random() < shape.significance:
            result["auto_shutdown"] = r.choice(["any_significant", "all_significant"])
        return result

    def supervisor(self, path: Json, flags: Json, depth: int) -> tuple[Json, list[Json]]:
        """
        Return the flags of a supervisor and its children.
        """
        r, shape = self.r, self.shape
        self.supervisors.append(path)
        if r.random() < shape.dynamic:
            return self.by_template(path, flags), []
        most = min(3, shape.width) if path else shape.width
        some = self.names(path)[: r.randint(0 if path else 1, most)]
        return flags, [self.spec(path, each, flags, depth) for each in some]

    def by_template(self, path: Json, flags: dict[str, Json]) -> dict[str, Json]:
        """
        Have the children of a supervisor made by a template; none passes but in its first start, where OTP 25 would break.
        """
        r, shape = self.r, self.shape
        self.dynamic.append(path)
        self.paths.extend([*path, number] for number in (1, 2, 3))
        template = {"id": "w", **self.restart(flags), **on_stop(r, shape.rough)}
        rest = ["ok", "ok", "error", "raise", ["hold_error", dynamic_call(r, path)]]
        template["plan"] = [r.choice(["ok", "ok", "ok", "error", "ignore"]), *r.choices(rest, k=shape.starts)]
        return flags | {"strategy": "simple_one_for_one", "template": template}

    def restart(self, parent: dict[str, Json]) -> dict[str, Json]:
        """
        Return when a child is restarted, and whether its end is that of its parent.
        """
        restart = self.r.choice(["permanent", "permanent", "transient", "temporary"])
        if restart != "permanent" and "auto_shutdown" in parent and self.r.random() < 0.6:
            return {"restart": restart, "significant": True}
        return {"restart": restart}

    def spec(self, path: Json, name: str, parent: dict[str, Json], depth: int) -> dict[str, Json]:
        """
        Return how a child is set up.
        """
        r, shape = self.r, self.shape
        result: dict[str, Json] = {"id": name, **self.restart(parent)}
        if depth == shape.depth or r.random() >= shape.nesting:
            self.paths.append([*path, name])
            return result | on_stop(r, shape.rough) | {"plan": self.plan(path)}
        if r.random() < shape.killed:
            result["shutdown"] = r.choice(["brutal_kill", "brutal_kill", 5, 25, 5000])
        if r.random() < 0.2 and shape.starts > 1:
            result["plan"] = ["ok", *r.choices(["ok", "error", "ignore"], k=2)]
        return result | {"sup": list(self.supervisor([*path, name], self.flags(), depth + 1))}

    def plan(self, path: Json) -> list[Json]:
        """
        Return how the first starts of a child go.
        """
        r = self.r
        first = "ok" if r.random() < 0.93 else r.choice(["ignore", "error", "raise"])
        some = [*self.names(path), "d"]
        rest = [r.choice(["ok", outcome(r, path, some), "raise"]) for _ in range(r.randint(0, self.shape.starts - 1))]
        return [first, *rest][: r.randint(0, self.shape.starts)]

    def op(self) -> Json:
        """
        Return something to do.
        """
        r, shape = self.r, self.shape
        where = r.choice(self.supervisors)
        kind = r.choices(["exit", "burst", "call", "advance", "plan", "stop"], shape.kinds)[0]
        if kind == "call":
            return dynamic_call(r, where) if where in self.dynamic else call(r, where, self.names(where))
        if kind == "exit" and self.paths:
            killed = r.random() < shape.killed and len(self.supervisors) > 1
            return ["exit", r.choice(self.supervisors[1:]), "kill"] if killed else ["exit", *self.exit(self.paths)]
        if kind == "burst":
            return ["burst", self.burst(where)]
        if kind == "plan" and self.paths:
            path = r.choice(self.paths)
            starts = [outcome(r, path[:-1], self.names(path[:-1])) for _ in range(2)]
            return ["plan", path, ["error", "ok"] if path[:-1] in self.dynamic else starts]
        return "stop" if kind == "stop" else ["advance", r.choice(shape.seconds)]

    def exit(self, paths: Json) -> list[Json]:
        """
        Return who ends, and why.
        """
        return [self.r.choice(paths), self.r.choice(self.shape.reasons)]

    def burst(self, where: Json) -> list[Json]:
        """
        Return which children of one supervisor end in one moment, and why.
        """
        r, shape = self.r, self.shape
        below = [path for path in self.paths if path[:-1] == where]
        exits = [self.exit([path]) for path in below if r.random() < 0.6]
        above = [path for path in self.supervisors[1:] if path[:-1] == where]
        exits += [[path, "kill"] for path in above if r.random() < shape.killed]
        return r.sample(exits, len(exits))
