"""
What of a story can be compared: not what is a race in OTP.

- When a supervisor is killed, its children hear of it, and go in any order, while all else goes on; the recording may end before.
  Nothing is compared that befalls a life which began below a supervisor before that was killed, nor whether one is still there.
- A dynamic supervisor keeps its children in a hash table: they are stopped side by side and listed in any order. What each of
  them does is compared, and not which is first. How many of them are active is not compared, since OTP 25 miscounts them once
  a child was terminated that waited for its restart.
- Children that do not depend on each other are started one after another by OTP, which waits for each, and side by side by ours.
  What is started below one of them is put with it.
- A recording of the supervisor as it is installed has no kills and no exits of supervisors; then they are compared with nothing.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable, Iterator

import attrs

from .model import Story
from .recording import Call, Event, Flags, Path, Plan, Scenario, Spec


def comparable(story: Story, scenario: Scenario, recorded: Story) -> Story:
    """
    Return what of *story* can be compared with what was *recorded* of the same scenario.
    """
    events = _without_orphans(story.events)
    if not any(each["e"] in {"kill", "sup_exit"} for each in recorded.events):
        events = [each for each in events if each["e"] not in {"kill", "sup_exit"}]
    tree = Tree()
    tree.add((), scenario.flags, scenario.specs)
    for op in scenario.ops:
        tree.add_calls([op, *(op.outcomes if isinstance(op, Plan) else ())])
    return attrs.evolve(story, events=_side_by_side(_in_order(events, tree), tree))


class Tree:
    """
    Where there are supervisors, and of which kind. A star stands for any child that is made by a template.
    """

    def __init__(self) -> None:
        self.dynamic: set[Path] = set()
        self.grouped: set[Path] = set()

    def add(self, path: Path, flags: Flags, specs: tuple[Spec, ...]) -> None:
        """
        Note a supervisor, and those below.
        """
        if flags.is_dynamic:
            self.dynamic.add(path)
        if flags.is_grouped:
            self.grouped.add(path)
        if flags.template is not None:
            specs = (*specs, attrs.evolve(flags.template, id="*"))
        for spec in specs:
            self.add_calls(spec.plan)
            if spec.flags is not None:
                self.add((*path, spec.id), spec.flags, spec.specs)

    def add_calls(self, calls: Iterable[object]) -> None:
        """
        Note the supervisors that calls would start.
        """
        for call in calls:
            if isinstance(call, Call) and call.spec is not None and call.spec.flags is not None:
                self.add((*call.path, call.id), call.spec.flags, call.spec.specs)

    def picture(self, event: Event) -> Event:
        """
        Put the children of a dynamic supervisor that a snap shows in order, and leave out how many are active.
        """
        if event["e"] != "snap" or not _is_in(self.dynamic, _steps(event["s"])):
            return event
        return event | {"ch": sorted(event["ch"], key=str), "cnt": [event["cnt"][0], None, *event["cnt"][2:]]}

    def stopping(self, event: Event) -> Path | None:
        """
        Return the dynamic supervisor whose children stop, if that is what an event is about.
        """
        if event["e"] not in {"stop", "kill", "sup_exit"} and event.get("c") != "shutdown_error":
            return None
        path = _steps(event["p"] if "p" in event else event["s"])
        above = [path[:level] for level in range(len(path) + ("p" not in event))]
        return next((each for each in above if _is_in(self.dynamic, each)), None)

    def is_grouped(self, path: Path) -> bool:
        """
        Tell whether the children of the supervisor there go down with each other.
        """
        return _is_in(self.grouped, path)


def _is_in(paths: set[Path], path: Path) -> bool:
    return path in paths or any(
        len(each) == len(path) and all(mine in {"*", step} for mine, step in zip(each, path, strict=True))
        for each in paths
    )


def _steps(where: str) -> Path:
    return tuple(where.split("/")) if where != "/" else ()


def _without_orphans(events: list[Event]) -> list[Event]:
    done: list[Event] = []
    lives: dict[str, set[object]] = {}
    orphans: set[tuple[str, object]] = set()
    abandoned: set[str] = set()
    lost: set[str] = set()  # Supervisors whose next event, as far as can be seen, is that of an orphan.
    for event in events:
        path, life, kind = event.get("p", ""), event.get("n"), event["e"]
        if "unknown" in {path, event.get("s")}:  # An orphan of the scenario before.
            continue
        if kind == "start":
            lives.setdefault(path, set()).add(life)
            lost -= {path, *_above(path)}
        elif kind == "sup_exit" and (event["r"] == "killed" or path in lost):
            continue
        elif kind in {"stop", "kill", "exit"} and life and (life not in lives.get(path, ()) or (path, life) in orphans):
            lost |= {each for each in _above(path) if each in abandoned}
            continue
        elif kind == "report" and ((path, life) in orphans or event["s"] in lost):
            continue
        elif kind in {"stop", "kill", "exit"}:
            lost -= set(_above(path))
        nobody = kind == "op" and event["op"] in {"exit", "burst"} and event["res"] == "noproc"
        if kind == "kill" or (kind == "exit" and event["r"] == "killed"):
            while done and done[-1]["e"] == "kill" and done[-1]["p"].startswith(f"{path}/"):
                done.pop()  # Of those who are out of time in one moment, the outermost counts.
            below = [each for each in lives if each.startswith(f"{path}/")]
            orphans |= {(each, life) for each in below for life in lives[each]}
            abandoned.update(below)
            lost |= {path, *below}
        done.append(event | {"res": "not_running"} if nobody else event)
    return done


def _above(path: str) -> Iterator[str]:
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path


def _in_order(events: list[Event], tree: Tree) -> list[Event]:
    """
    Put what dynamic supervisors do and show in order.
    """
    done: list[Event] = []
    for where, some in itertools.groupby(map(tree.picture, events), tree.stopping):
        run = list(some)
        done += run if where is None else sorted(run, key=functools.partial(_part, where=where))
    return done


def _part(event: Event, where: Path) -> tuple[bool, str, int]:
    """
    Return the child of *where* that an event is about, and its life, the complaints about all of them last.
    """
    path = _steps(event["p"] if "p" in event else event["s"])
    if path == where:
        return True, event["r"], 0
    return False, path[len(where)], event.get("n", 0) if len(path) == len(where) + 1 else 0


def _side_by_side(events: list[Event], tree: Tree) -> list[Event]:
    done: list[Event] = []
    starts: list[Event] = []
    for event in events:
        if event["e"] == "start":
            starts.append(event)
        else:
            done += [*_put_together(starts, tree), event]
            starts = []
    return done + starts


def _put_together(starts: list[Event], tree: Tree) -> list[Event]:
    first: dict[Path, int] = {}
    places: list[tuple[list[int], Event]] = []
    before: Path = ()
    for number, event in enumerate(starts):
        path = _steps(event["p"])
        place = []
        for level in range(1, len(path) + 1):
            part = path[:level]
            if part not in first or (tree.is_grouped(path[: level - 1]) and before[:level] != part):
                first[part] = number
            place.append(first[part])
        places.append(([*place, number], event))
        before = path
    return [event for _place, event in sorted(places, key=lambda each: each[0])]
