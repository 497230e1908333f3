"""
Recordings of OTP's supervisor: reading them, and refusing what is none.

A recording is one JSON object on a line: ``flags`` and ``specs`` of the root supervisor, the ``ops`` that were done to it, and
the ``events`` that followed. Plain or gzipped. What the words mean is for the model; here they are only checked, so that a
mistake in a file is told apart from a mistake in a supervisor.

Reasons are kept by their label, as they stand in events: ``{shutdown, Term}`` is ``shutdown_term``. Names are kept as text, also
where they are numbers. Fields that nobody knows are passed over, as OTP does.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path as File
from typing import Any, TypeAlias

import attrs

Path: TypeAlias = tuple[str, ...]
Event: TypeAlias = dict[str, Any]

DYNAMIC = "simple_one_for_one"
STRATEGIES = {"one_for_one", "one_for_all", "rest_for_one", DYNAMIC}
RESTARTS = {"permanent", "transient", "temporary"}
AUTO_SHUTDOWNS = {"never", "any_significant", "all_significant"}
OUTCOMES = {"ok", "ignore", "error", "raise"}
EVENTS = {
    "start": "pno",
    "stop": "pnr",
    "kill": "pn",
    "exit": "pnr",
    "report": "scr",
    "op": ("op", "res"),
    "held_op": ("op", "res"),
    "sup_exit": "pr",
    "root_exit": "r",
    "snap": ("s", "ch", "cnt"),
}
"""What each event has at least."""


class BadRecordingError(ValueError):
    """
    A file or a line that is not a recording.
    """


@attrs.frozen
class Flags:
    """
    How a supervisor is set up.
    """

    strategy: str = "one_for_one"
    intensity: int = 1
    period: int = 5
    auto_shutdown: str = "never"
    template: Spec | None = None
    """Of the children of a dynamic one."""

    @property
    def is_dynamic(self) -> bool:
        """
        Whether all children are made by one template, when they are asked for.
        """
        return self.strategy == DYNAMIC

    @property
    def is_grouped(self) -> bool:
        """
        Whether others go down with a child.
        """
        return self.strategy not in {"one_for_one", DYNAMIC}


@attrs.frozen
class Spec:
    """
    How a child is set up, and what it does: *plan* is how its first starts go, *on_stop* its answer to a shutdown.
    """

    id: str
    restart: str = "permanent"
    significant: bool = False
    shutdown: int | str = 5000
    plan: tuple[str | Call, ...] = ()
    on_stop: str = "graceful"
    flags: Flags | None = None
    """Of a child that is a supervisor."""

    specs: tuple[Spec, ...] = ()

    @property
    def is_supervisor(self) -> bool:
        """
        Whether the child is a supervisor itself.
        """
        return self.flags is not None


@attrs.frozen
class Call:
    """
    Something asked of the supervisor *path*: terminate, restart, delete or start the child *id*; for one that is made by a
    template, start_dyn or terminate_dyn.

    In a plan it is asked of the child's own supervisor, whatever the path: so does the recorder.
    """

    op: str
    path: Path
    id: str
    spec: Spec | None = None


@attrs.frozen
class Exits:
    """
    Children that end by themselves, one after another, before any supervisor looks.
    """

    op: str
    exits: tuple[tuple[Path, str], ...]


@attrs.frozen
class Advance:
    """
    Time passes.
    """

    op: str
    seconds: int


@attrs.frozen
class Plan:
    """
    How the next starts of a child go.
    """

    op: str
    path: Path
    outcomes: tuple[str | Call, ...]


@attrs.frozen
class Stop:
    """
    The root is asked to shut down.
    """

    op: str = "stop"


Op: TypeAlias = Call | Exits | Advance | Plan | Stop


@attrs.frozen
class Scenario:
    """
    What is done.
    """

    flags: Flags
    specs: tuple[Spec, ...]
    ops: tuple[Op, ...]


@attrs.frozen
class Recording:
    """
    What was done, and what followed.
    """

    where: str
    scenario: Scenario
    events: list[Event]


def read(file: File, refused: list[BadRecordingError] | None = None) -> Iterator[Recording]:
    """
    Yield the recordings in *file*, one for each line. What is wrong with other lines goes to *refused*, if that is given.

    Raises:
        BadRecordingError: The file cannot be read, or a line is no recording.
    """
    found = False
    try:
        with gzip.open(file, "rt", encoding="utf-8") if _is_gzipped(file) else file.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                if not line.strip():
                    continue
                found = True
                try:
                    yield parse(line, f"{file.name}:{number}")
                except BadRecordingError as exc:
                    if refused is None:
                        raise
                    refused.append(exc)
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as exc:
        raise BadRecordingError(f"{file} cannot be read: {exc}") from exc
    if not found:
        raise BadRecordingError(f"{file} holds no recording.")


def _is_gzipped(file: File) -> bool:
    with file.open("rb") as start:
        return start.read(2) == b"\x1f\x8b"


def parse(line: str, where: str = "line") -> Recording:
    """
    Read one recording.

    Raises:
        BadRecordingError: It is none.
    """
    try:
        data = json.loads(line)
    except json.JSONDecodeError as exc:
        raise BadRecordingError(f"{where} is no JSON: {exc}") from exc
    try:
        keys = _object(data, {"flags", "specs", "ops", "events"}, "a recording")
        events = [_event(each) for each in _array(keys["events"], "events")]
        return Recording(where, scenario_from(data), events)
    except KeyError as exc:
        raise BadRecordingError(f"{where}: {exc} is missing.") from exc
    except BadRecordingError as exc:
        raise BadRecordingError(f"{where}: {exc}") from exc


def scenario_from(data: dict[str, Any]) -> Scenario:
    """
    Read flags, specs and ops.
    """
    flags, specs = _flags(data["flags"]), _specs(data["specs"], "specs")
    ops = tuple(_op(each) for each in _array(data["ops"], "ops"))
    _check_calls((), specs)
    for op in ops:
        if isinstance(op, Plan):
            _check_plan(op.path, op.outcomes)
        elif isinstance(op, Call) and op.spec is not None:
            _check_calls(op.path, (op.spec,))
    return Scenario(flags, specs, ops)


def _check_calls(path: Path, specs: tuple[Spec, ...]) -> None:
    for spec in specs:
        here = (*path, spec.id)
        _check_plan(here, spec.plan)
        _check_calls(here, spec.specs)


def _check_plan(path: Path, plan: tuple[str | Call, ...]) -> None:
    """
    Refuse held calls for a child by another supervisor: the recorder would start it here, under a path that is not its own.
    """
    for call in plan:
        if isinstance(call, Call) and call.spec is not None:
            if call.path != path[:-1]:
                raise BadRecordingError(f"{'/'.join(path)} can only have children started by its own supervisor.")
            _check_calls(call.path, (call.spec,))


def _flags(data: Any) -> Flags:
    keys = _object(data, {"strategy", "intensity", "period", "auto_shutdown", "template"}, "flags")
    template = {"template": _spec(keys["template"])} if "template" in keys else {}
    flags = Flags(**keys | template)
    _one_of(flags.strategy, STRATEGIES, "strategy")
    _one_of(flags.auto_shutdown, AUTO_SHUTDOWNS, "auto_shutdown")
    _whole(flags.intensity, 0, "intensity")
    _whole(flags.period, 1, "period")
    return flags


def _spec(data: Any) -> Spec:
    known = {"id", "restart", "significant", "shutdown", "plan", "on_stop", "sup"}
    keys = _object(data, known, "a child specification")
    flags, specs = _array(keys["sup"], "sup", 2) if "sup" in keys else (None, [])
    shutdown = keys.get("shutdown", 5000 if flags is None else "infinity")
    if not isinstance(shutdown, str):
        _whole(shutdown, 0, "shutdown")
    else:
        _one_of(shutdown, {"infinity", "brutal_kill"}, "shutdown")
    significant = keys.get("significant", False)
    if not isinstance(significant, bool):
        raise BadRecordingError(f"significant is true or false, not {significant!r}.")
    return Spec(
        _id(keys["id"]),
        _one_of(keys.get("restart", "permanent"), RESTARTS, "restart"),
        significant,
        shutdown,
        _plan(keys.get("plan", [])),
        _on_stop(keys.get("on_stop", "graceful"), shutdown),
        None if flags is None else _flags(flags),
        _specs(specs, "the children of a supervisor"),
    )


def _specs(data: Any, what: str) -> tuple[Spec, ...]:
    return tuple(_spec(each) for each in _array(data, what) if each != "none")


def _on_stop(data: Any, shutdown: object) -> str:
    if isinstance(data, str):
        if data == "stubborn" and shutdown == "infinity":
            raise BadRecordingError("a child that is stubborn, with shutdown infinity, never ends.")
        return _one_of(data, {"graceful", "stubborn"}, "on_stop")
    word, reason = _array(data, "on_stop", 2)
    _one_of(word, {"exit"}, "on_stop")
    return f"exit:{_reason(reason)}"


def _plan(data: Any) -> tuple[str | Call, ...]:
    return tuple(_outcome(each) for each in _array(data, "plan"))


def _outcome(data: Any) -> str | Call:
    if isinstance(data, str):
        return _one_of(data, OUTCOMES, "outcome")
    word, op = _array(data, "an outcome", 2)
    _one_of(word, {"hold_error"}, "outcome")
    call = _op(op)
    if not isinstance(call, Call):
        raise BadRecordingError(f"only calls can be held, not {op!r}.")
    return call


def _op(data: Any) -> Op:  # noqa: PLR0911 - one for each op
    if data == "stop":
        return Stop()
    op, *rest = _array(data, "an op") or [None]
    match op, rest:
        case "exit", [path, reason]:
            return Exits("exit", ((_path(path), _exit_reason(reason)),))
        case "burst", [exits]:
            pairs = [_array(each, "an exit", 2) for each in _array(exits, "burst")]
            return Exits("burst", tuple((_path(path), _exit_reason(reason)) for path, reason in pairs))
        case "terminate" | "restart" | "delete" | "start_dyn" | "terminate_dyn", [path, name]:
            return Call(str(op), _path(path), _id(name))
        case "start", [path, spec]:
            child = _spec(spec)
            return Call("start", _path(path), child.id, child)
        case "advance", [seconds]:
            return Advance("advance", _whole(seconds, 0, "advance"))
        case "plan", [path, outcomes]:
            return Plan("plan", _path(path), _plan(outcomes))
    raise BadRecordingError(f"there is no op {data!r}.")


def _exit_reason(data: Any) -> str:
    reason = _reason(data)
    return "killed" if reason == "kill" else reason


def _reason(data: Any) -> str:
    if isinstance(data, list) and len(data) == 2 and data[0] == "shutdown":
        return "shutdown_term"
    return _id(data)


def _path(data: Any) -> Path:
    return tuple(_id(each) for each in _array(data, "a path"))


def _id(data: Any) -> str:
    if isinstance(data, int) and not isinstance(data, bool):
        return str(data)
    if not isinstance(data, str) or not data or "/" in data:
        raise BadRecordingError(f"{data!r} is no name.")
    return data


def _event(data: Any) -> Event:
    if not isinstance(data, dict) or data.get("e") not in EVENTS:
        raise BadRecordingError(f"there is no event {data!r}.")
    for key in EVENTS[data["e"]]:
        if not isinstance(data[key], {"ch": list, "cnt": list, "n": int | str}.get(key, str)):
            raise BadRecordingError(f"{key} of an event is not {data[key]!r}.")
    if data["e"] == "root_exit" and data.get("r") == "function_clause":
        raise BadRecordingError(
            "OTP's own supervisor broke here (erlang/otp#8230), so there is nothing to compare with."
        )
    if data["e"] == "snap":
        rows = [_array(each, "a row of a snap", 2) for each in _array(data["ch"], "ch")]
        return data | {"ch": [[_id(name), life] for name, life in rows]}
    return data


def _object(data: Any, known: set[str], what: str) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise BadRecordingError(f"{what} is an object, not {data!r}.")
    return {key: data[key] for key in known & data.keys()}


def _array(data: Any, what: str, length: int | None = None) -> list[Any]:
    if not isinstance(data, list) or (length is not None and len(data) != length):
        raise BadRecordingError(f"{what} is an array{f' of {length}' if length else ''}, not {data!r}.")
    return data


def _one_of(data: Any, known: set[str], what: str) -> str:
    if not isinstance(data, str) or data not in known:
        raise BadRecordingError(f"{what} is one of {', '.join(sorted(known))}, not {data!r}.")
    return data


def _whole(data: Any, least: int, what: str) -> int:
    if isinstance(data, bool) or not isinstance(data, int) or data < least:
        raise BadRecordingError(f"{what} is a whole number of at least {least}, not {data!r}.")
    return data
