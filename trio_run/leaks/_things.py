"""
What a program holds at one moment, and what it holds too much at another.

A `Snapshot` lists what is there: tasks, threads, files and the rest, each a frozen `Thing` with its name, where it was made
and where it stands. `leaked` compares two of them. Nothing here looks at the world: who takes the snapshots is in the other
files of this package.

Laws: what was there before is never a leak. What somebody else made while we looked is not ours. Equal leaks are one leak
with a count. A rule hides a leak only if all that it names fits.
"""

from __future__ import annotations

import enum
from collections.abc import Hashable, Iterable, Sequence
from fnmatch import fnmatchcase

import attrs


class Kind(enum.Enum):
    """
    What can be left behind.
    """

    TASK = "task"
    WORKER = "worker of a pool"
    THREAD = "thread"
    ASYNC_GENERATOR = "suspended async generator"
    FILE = "open file"
    SOCKET = "open socket"
    PIPE = "open pipe"
    DESCRIPTOR = "open file descriptor"
    RESOURCE = "resource that the garbage collector had to close"
    PROCESS = "child process"
    ZOMBIE = "child process that ended and was not waited for"
    LOCK = "held lock"
    LOAN = "borrowed token of a limiter"
    CHANNEL = "open memory channel"
    COROUTINE = "coroutine that was never awaited"


@attrs.frozen(kw_only=True)
class Thing:
    """
    Something that somebody has to end, close or give back.
    """

    kind: Kind
    """What it is."""

    key: Hashable
    """What tells it from all other things of its kind."""

    name: str
    """What it is called; without numbers, so that its like have the same name."""

    which: str = ""
    """What tells it from its like, for people: a number, a process id."""

    function: str = ""
    """The function that it runs, or that made it."""

    owner: str = ""
    """The task that has it or made it; for a worker, the pool."""

    made: tuple[str, ...] = ()
    """Where it was made, as ``file:line function``, innermost last; empty where nobody saw it made."""

    stands: tuple[str, ...] = ()
    """Where it stands now, innermost last; empty for things that do not run."""

    inside: frozenset[int] | None = None
    """The checks that it was made under; None where nobody saw it made."""

    @property
    def identity(self) -> tuple[Kind, Hashable]:
        """
        What tells it from all other things; a child process is the same when it has ended.
        """
        return Kind.PROCESS if self.kind is Kind.ZOMBIE else self.kind, self.key


@attrs.frozen
class Snapshot:
    """
    All there is at one moment.
    """

    things: tuple[Thing, ...] = ()

    @property
    def keys(self) -> frozenset[Hashable]:
        """
        What tells the things apart.
        """
        return frozenset(thing.identity for thing in self.things)


@attrs.frozen(kw_only=True)
class Leak:
    """
    Something that was left behind, or some that are alike.
    """

    kind: Kind
    """What it is."""

    name: str
    """What it is called."""

    function: str
    """The function that it runs, or that made it."""

    owner: str
    """The task that has it or made it; for a worker, the pool."""

    made: tuple[str, ...]
    """Where it was made, as ``file:line function``, innermost last; empty where nobody saw it made."""

    stands: tuple[str, ...]
    """Where it stands now, innermost last; empty for things that do not run."""

    count: int = 1
    """How many are alike."""

    which: tuple[str, ...] = ()
    """What tells them apart: numbers, process ids."""

    def __str__(self) -> str:
        times = f" ({self.count} times)" if self.count > 1 else ""
        which = f" [{', '.join(self.which[:5])}{', ...' if len(self.which) > 5 else ''}]" if self.which else ""
        lines = [f"{self.kind.value}: {self.name}{times}{which}"]
        if self.owner:
            lines.append(f"  of {self.owner}")
        lines.append("  made at" if self.made else "  made where nobody looked")
        lines += [f"    {place}" for place in reversed(self.made)]
        if self.stands:
            lines.append("  stands at")
            lines += [f"    {place}" for place in reversed(self.stands)]
        return "\n".join(lines)


@attrs.frozen(kw_only=True)
class Ignore:
    """
    A rule for what may be left behind. All that it names has to fit; ``*`` and ``?`` stand for any text and any character.

    Args:
        name: What the thing is called.
        function: The function that it runs, or that made it.
        owner: The task that has it or made it; for a worker, the pool.
        kind: What it is.

    Raises:
        ValueError: It names nothing, and so would hide everything.
    """

    name: str | None = None
    function: str | None = None
    owner: str | None = None
    kind: Kind | None = None

    def __attrs_post_init__(self) -> None:
        if (self.name, self.function, self.owner, self.kind) == (None, None, None, None):
            raise ValueError(
                "A rule that names nothing would hide every leak: give it a name, function, owner or kind."
            )

    def covers(self, thing: Thing) -> bool:
        """
        Tell whether *thing* may be left behind.
        """
        return (
            (self.kind is None or self.kind is thing.kind)
            and (self.name is None or fnmatchcase(thing.name, self.name))
            and (self.function is None or fnmatchcase(thing.function, self.function))
            and (self.owner is None or fnmatchcase(thing.owner, self.owner))
        )


Rule = Ignore | str
"""A rule, or a pattern for a name, function or owner, whichever fits."""


def rules_from(ignore: Iterable[Rule]) -> tuple[Rule, ...]:
    """
    Return the rules that a user gave.

    Raises:
        TypeError: One is neither a rule nor a pattern.
        ValueError: One is an empty pattern, which would fit nothing.
    """
    if isinstance(ignore, str | Ignore):
        raise TypeError(f"ignore takes rules in a list or tuple: ignore=[{ignore!r}].")
    rules = tuple(ignore)
    for rule in rules:
        if not isinstance(rule, str | Ignore):
            raise TypeError(f"A rule is an Ignore(...) or a pattern, and {rule!r} is neither.")
        if not rule:
            raise ValueError("An empty pattern fits nothing. To ignore any name, write '*'.")
    return rules


def leaked(
    before: Snapshot, after: Snapshot, ignore: Sequence[Rule] = (), check: int | None = None
) -> tuple[Leak, ...]:
    """
    Return what is in *after* and was not in *before*, equal ones as one.

    Args:
        before: What was there.
        after: What is there.
        ignore: What may be left behind.
        check: Who asks. What was made elsewhere while it looked is left out; None leaves nothing out.
    """
    old = before.keys
    groups: dict[tuple[object, ...], list[Thing]] = {}
    for thing in {thing.identity: thing for thing in after.things}.values():  # A thing may be seen from two sides.
        known_to_others = check is not None and thing.inside is not None and check not in thing.inside
        if known_to_others or thing.identity in old or _is_ignored(thing, ignore):
            continue
        like = (thing.kind, thing.name, thing.function, thing.owner, thing.made, thing.stands)
        groups.setdefault(like, []).append(thing)
    order = list(Kind)
    return tuple(_as_leak(group) for group in sorted(groups.values(), key=lambda group: order.index(group[0].kind)))


def _is_ignored(thing: Thing, ignore: Sequence[Rule]) -> bool:
    return any(_covers(rule, thing) for rule in ignore)


def _covers(rule: Rule, thing: Thing) -> bool:
    if isinstance(rule, Ignore):
        return rule.covers(thing)
    return any(fnmatchcase(text, rule) for text in (thing.name, thing.function, thing.owner))


def _as_leak(group: Sequence[Thing]) -> Leak:
    first = group[0]
    return Leak(
        kind=first.kind,
        name=first.name,
        function=first.function,
        owner=first.owner,
        made=first.made,
        stands=first.stands,
        count=len(group),
        which=tuple(thing.which for thing in group if thing.which),
    )
