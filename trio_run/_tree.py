"""
A fold of events into a tree, and its text form.

Each node is a supervisor, a child, or whatever else events are about, and says what became of it so far. Who looks at the
tree, and when, is not decided here; neither is here a clock: *now* is an argument.

Laws: the same events give the same tree. An event costs the nodes it moves, never a look at all of them. What glyphs and
colours say is said by a word too.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Callable, Iterable, Iterator

import attrs

from ._said import said
from .events import (
    ChildFailed,
    ChildLost,
    ChildParked,
    ChildRemoved,
    ChildRestartScheduled,
    ChildStopped,
    ChildStuck,
    Event,
    SupervisorStarting,
    SupervisorStopping,
)


class NodeState(enum.Enum):
    """
    What a node is doing.
    """

    PLANNED = "planned"
    """Not begun, in any life."""

    STARTING = "starting"
    """Begun, and not ready."""

    UP = "up"
    """Ready."""

    BACKOFF = "backoff"
    """Down, and waits for its next life."""

    STOPPING = "stopping"
    """Asked to stop, and has its grace."""

    CANCELLED = "cancelled"
    """Cancelled, and not gone yet."""

    STUCK = "stuck"
    """Cancelled some time ago, and still there."""

    DONE = "done"
    """It returned, and stays down."""

    STOPPED = "stopped"
    """It was stopped, and stays down until somebody starts it."""

    FAILED = "failed"
    """It raised, and stays down."""


ALIVE = frozenset({NodeState.STARTING, NodeState.UP, NodeState.STOPPING, NodeState.CANCELLED, NodeState.STUCK})
"""The states in which there is a task."""

_CANCELLED = frozenset({NodeState.CANCELLED, NodeState.STUCK})

# By name, since those of a run of the command are defined above this layer.
_STATES = {
    "child.starting": NodeState.STARTING,
    "child.ready": NodeState.UP,
    "child.finished": NodeState.DONE,
    "child.failed": NodeState.FAILED,
    "child.lost": NodeState.FAILED,
    "child.parked": NodeState.FAILED,
    "child.ignored": NodeState.DONE,
    "child.restart_scheduled": NodeState.BACKOFF,
    "child.stopping": NodeState.STOPPING,
    "child.overdue": NodeState.CANCELLED,
    "child.stuck": NodeState.STUCK,
    "child.stopped": NodeState.STOPPED,
    "supervisor.ready": NodeState.UP,
    "supervisor.stopping": NodeState.STOPPING,
    "supervisor.stopped": NodeState.STOPPED,
    "run.started": NodeState.STARTING,
    "run.ready": NodeState.UP,
    "run.stopping": NodeState.STOPPING,
    "run.escalated": NodeState.CANCELLED,
    "run.failed": NodeState.FAILED,
}


@attrs.frozen(kw_only=True)
class Node:
    """
    One node of the tree at one moment.
    """

    path: str
    """Where it stands, as in ``shop/workers/mailer``."""

    state: NodeState = NodeState.PLANNED
    """What it is doing."""

    life: int = 0
    """Which life that is, from 1; 0 before the first."""

    since: float = 0.0
    """Since when it is in this state, in seconds of the clock of the events."""

    due: float = math.inf
    """When the state ends unless something happens before: the next life, or being cancelled."""

    error: str = ""
    """What it raised last, in one line."""

    where: str = ""
    """Where it is stuck."""

    rules: tuple[str, ...] = ()
    """What was decided for it before the run."""

    @property
    def name(self) -> str:
        """
        The last step of the path.
        """
        return self.path.rpartition("/")[2]

    @property
    def restarts(self) -> int:
        """
        How often it was started again.
        """
        return max(self.life - 1, 0)

    @property
    def alive(self) -> bool:
        """
        Whether there is a task of it.
        """
        return self.state in ALIVE


@attrs.define(eq=False)
class TreeView:
    """
    The tree that a stream of events tells of. A sink.
    """

    _nodes: dict[str, Node] = attrs.field(factory=dict)
    _below: dict[str, dict[str, None]] = attrs.field(factory=dict)

    def __call__(self, event: Event, /) -> None:
        """
        Take one event.
        """
        match event:
            case ChildRemoved(path=path):
                self._drop(path)
            case SupervisorStarting(path=path, children=children):
                self._drop_below(path)  # Of an earlier run.
                self._move(event, NodeState.STARTING)
                for name in children:
                    self._put(Node(path=f"{path}/{name}", since=event.time))
            case _:
                if event.name in _STATES:
                    self._move(event, _STATES[event.name])

    def node(self, path: str) -> Node | None:
        """
        Return the node at *path*, if there is one.
        """
        return self._nodes.get(path)

    def nodes(self) -> tuple[Node, ...]:
        """
        Return all nodes, each before those below it, and siblings in the order they came in.
        """
        tops = [path for path in self._nodes if _parent(path) not in self._nodes]
        return tuple(self._walk(tops))

    def alive(self) -> tuple[Node, ...]:
        """
        Return the nodes that have a task and wait for nobody below them, the last started first.
        """
        nodes = self.nodes()
        above = {_parent(node.path) for node in nodes if node.alive}
        return tuple(node for node in reversed(nodes) if node.alive and node.path not in above)

    def _walk(self, paths: Iterable[str]) -> Iterator[Node]:
        todo = [*paths][::-1]
        while todo:
            path = todo.pop()
            yield self._nodes[path]
            todo.extend(reversed(self._below.get(path, {})))

    def _move(self, event: Event, state: NodeState) -> None:
        node = self._nodes.get(event.path) or Node(path=event.path)
        self._put(_moved(node, event, state))

    def _put(self, node: Node) -> None:
        if node.path not in self._nodes:
            self._below.setdefault(_parent(node.path), {})[node.path] = None
        self._nodes[node.path] = node

    def _drop(self, path: str) -> None:
        self._drop_below(path)
        if self._nodes.pop(path, None) is not None:
            del self._below[_parent(path)][path]

    def _drop_below(self, path: str) -> None:
        for below in tuple(self._below.pop(path, ())):
            self._drop_below(below)
            del self._nodes[below]


def _parent(path: str) -> str:
    return path.rpartition("/")[0]


def _moved(node: Node, event: Event, state: NodeState) -> Node:
    """
    Return *node* as *event* leaves it.
    """
    due, where, error = math.inf, "", node.error
    match event:
        case ChildRestartScheduled(time=time, delay=delay):
            due = time + delay
        case SupervisorStopping() if node.state in _CANCELLED:
            state = node.state  # It stops because it is cancelled.
        case ChildStuck(stack=stack):
            where = stack[-1] if stack else ""
        case (
            ChildFailed(error=raised)
            | ChildLost(error=raised)
            | ChildParked(error=raised)
            | ChildStopped(error=BaseException() as raised)
        ):
            error = said(raised)
        case _ if state is NodeState.STOPPING:
            grace: float = getattr(event, "grace", math.inf)
            due = event.time + grace
            if grace <= 0:
                state = NodeState.CANCELLED
        case _:
            pass
    since = event.time
    if node.state is state or {node.state, state} == _CANCELLED:
        since, due = node.since, min(due, node.due)
    return attrs.evolve(node, state=state, life=event.life or node.life, since=since, due=due, error=error, where=where)


# Text.


class Charset(enum.Enum):
    """
    What branches are drawn with: a fork, a corner, a bar.
    """

    UNICODE = ("├─ ", "└─ ", "│  ")
    ASCII = ("|- ", "`- ", "|  ")


_GLYPHS = {
    NodeState.PLANNED: "○-",
    NodeState.STARTING: "◐~",
    NodeState.UP: "●*",
    NodeState.BACKOFF: "↻r",
    NodeState.STOPPING: "◌.",
    NodeState.CANCELLED: "◌.",
    NodeState.STUCK: "!!",
    NodeState.DONE: "○-",
    NodeState.STOPPED: "○-",
    NodeState.FAILED: "×x",  # noqa: RUF001 - a cross is what is meant
}


def charset_for(encoding: str | None) -> Charset:
    """
    Return what can be written in *encoding*.
    """
    try:
        "".join([*Charset.UNICODE.value, *_GLYPHS.values()]).encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return Charset.ASCII
    return Charset.UNICODE


def draw_plan(nodes: Iterable[Node], charset: Charset = Charset.UNICODE) -> str:
    """
    Draw a tree of what is to run: names, and what was decided for each.
    """
    return _draw(nodes, charset, lambda node: (node.name, *node.rules))


def draw_states(nodes: Iterable[Node], now: float, charset: Charset = Charset.UNICODE) -> str:
    """
    Draw a tree of what is running: names, states and what is worth knowing of each.
    """

    def cells(node: Node) -> tuple[str, ...]:
        glyph = _GLYPHS[node.state][charset is Charset.ASCII]
        life = f"life {node.life}" if node.life > 1 else ""
        details = "  ".join(
            detail for detail in (outlook(node, now), life, node.error and f"last: {node.error}") if detail
        )
        return f"{glyph} {node.name}", node.state.value, span(now - node.since), details

    return _draw(nodes, charset, cells)


def span(seconds: float) -> str:
    """
    Write a number of seconds as people do, in two units at the most.
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    whole = int(seconds)
    for unit, size, lesser, part in (("d", 86400, "h", 3600), ("h", 3600, "m", 60)):
        if whole >= size:
            return f"{whole // size}{unit}{whole % size // part:02}{lesser}"
    return f"{whole // 60}m{whole % 60:02}s"


def outlook(node: Node, now: float) -> str:
    """
    Say where a node is stuck, or what time alone will bring it.
    """
    if node.where or node.due == math.inf:
        return node.where and f"at {node.where}"
    left = span(max(node.due - now, 0.0))
    return {NodeState.BACKOFF: f"next life in {left}", NodeState.STOPPING: f"cancelled in {left}"}.get(node.state, "")


def _draw(nodes: Iterable[Node], charset: Charset, cells: Callable[[Node], tuple[str, ...]]) -> str:
    """
    Draw a tree, one line for each node, with its cells in columns behind it.
    """
    rows = list(_rows(tuple(nodes), charset, cells))
    widths = [0] * max(map(len, rows), default=0)
    for row in rows:
        for index, cell in enumerate(row[:-1]):  # The last of its row is not aligned with anything.
            widths[index] = max(widths[index], len(cell))
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False)).rstrip() for row in rows
    )


def _rows(
    nodes: tuple[Node, ...], charset: Charset, cells: Callable[[Node], tuple[str, ...]]
) -> Iterator[tuple[str, ...]]:
    """
    Yield the cells of each node, the first with the branches before it.
    """
    fork, corner, bar = charset.value
    known = {node.path for node in nodes}
    last = {_parent(node.path): node.path for node in nodes}
    margins: dict[str, str] = {}
    for node in nodes:
        parent = _parent(node.path)
        if parent not in known:
            margins[node.path] = stem = ""
        else:
            ends = last[parent] == node.path
            stem = margins[parent] + (corner if ends else fork)
            margins[node.path] = margins[parent] + (" " * len(bar) if ends else bar)
        first, *rest = cells(node)
        yield stem + first, *rest
