"""
What a supervisor's events say, in OTP's words.

A life that begins is a ``start``. A life that ended is a ``report`` where OTP makes one: that the child terminated, that it did
not start, that it did not go as it should when it was told to. OTP's reports also show which process it remembers for the
child; that is kept book of here.
"""

from __future__ import annotations

import collections
import contextlib
from collections.abc import Generator
from typing import Protocol

import trio_run as tr
from trio_run import events

from .model import NORMAL, home_of, path_text
from .recording import Call, Flags, Path, Spec


class Listener(Protocol):
    """
    Who writes down what is said.
    """

    plans: dict[Path, list[str | Call]]

    def note(self, e: str, **details: object) -> None:
        """
        Write down an event.
        """

    def began(self, path: Path) -> None:
        """
        Know that a life of a child runs.
        """

    def hold(self, path: Path, call: Call) -> None:
        """
        Keep a call that a child wants made.
        """


class Translation:
    """
    A sink that puts events in OTP's words.
    """

    def __init__(self, listener: Listener) -> None:
        self.listener = listener
        self.flags: dict[Path, Flags] = {}
        self.specs: dict[Path, Spec] = {}
        self.lives: dict[Path, int] = {}
        """The present life of each child."""

        self.begun: collections.Counter[Path] = collections.Counter()
        """How many there were, where children that have the same path in events are one."""

        self.outcomes: dict[Path, str | Call] = {}
        """How the present start of a child goes."""

        self.reasons: dict[Path, str] = {}
        """How the last life of a child ended, as far as it says so itself."""

        self.ready: set[Path] = set()
        self.calling: collections.Counter[Path] = collections.Counter()
        self.old: dict[Path, int] = {}
        self.retries: set[Path] = set()
        self.complaints: dict[Path, collections.Counter[str]] = {}
        """Of supervisors that stop, by reason."""

        self.culprits: dict[Path, Path] = {}

    def __call__(self, event: events.Event) -> None:
        """
        Take an event.
        """
        path = tuple(step for step in event.path.split("/") if step != "root")
        match event:
            case events.ChildStarting():
                self.starting(path)
            case events.ChildReady():
                self.ready.add(path)
                self.listener.began(path)
                self.old.pop(path, None)
                self.retries.discard(path)
            case events.ChildRestartScheduled():
                self.culprits[path[:-1]] = path
            case events.ChildFinished():
                if self.specs[path].restart == "permanent":
                    self.terminated(path)
                self.old[path] = self.lives[path]
            case events.ChildFailed(error=error) | events.ChildLost(error=error):
                self.failed(path, error)
            case events.ChildStopping(grace=0) | events.ChildOverdue() if self.specs[path].is_supervisor:
                self.listener.note("kill", p=path_text(path), n=self.lives[path])
            case events.ChildStopped():
                self.stopped(path)
            case events.SupervisorStopping():
                self.complaints[path] = collections.Counter()
            case events.SupervisorGaveUp(culprit=culprit):
                self.report("shutdown", (*path, culprit), "reached_max_restart_intensity")
            case _:
                pass

    def new_life(self, path: Path, flags: Flags, specs: tuple[Spec, ...]) -> None:
        """
        Know the children of a supervisor that begins, and forget those it had in another life.
        """
        self.flags[path] = flags
        self.complaints.pop(path, None)
        self.culprits.pop(path, None)
        for child in [each for each in self.old if each[:-1] == path]:
            del self.old[child]
        self.retries -= {each for each in self.retries if each[:-1] == path}
        self.specs.update(((*path, spec.id), spec) for spec in specs)

    @contextlib.contextmanager
    def by_hand(self, path: Path) -> Generator[None]:
        """
        Know that somebody calls for a start, and is told if it fails: then there is no report.
        """
        self.calling[path] += 1
        try:
            yield
        finally:
            self.calling[path] -= 1

    @contextlib.contextmanager
    def new_spec(self, path: Path, spec: Spec) -> Generator[None]:
        """
        Know a child that is started by a call, unless the name is taken.
        """
        before = self.specs.get(path)
        self.specs[path] = spec
        try:
            yield
        except tr.DuplicateChild:
            assert before is not None
            self.specs[path] = before
            raise

    def starting(self, path: Path) -> None:
        """
        A life begins.
        """
        home = home_of(path)
        plan = self.listener.plans.setdefault(home, list(self.specs[path].plan))
        outcome = self.outcomes[path] = plan.pop(0) if plan else "ok"
        self.begun[home] += 1
        self.lives[path] = self.begun[home]
        self.ready.discard(path)
        self.reasons.pop(path, None)
        word = "error" if isinstance(outcome, Call) else outcome
        self.listener.note("start", p=path_text(path), n=self.lives[path], o=word)
        if outcome == "ok" and not self.specs[path].is_supervisor:
            self.listener.began(path)
        if isinstance(outcome, Call):  # Here, as tasks that begin together do so in no order.
            self.listener.hold(path, outcome)

    def failed(self, path: Path, error: BaseException | None) -> None:
        """
        A life ended as it should not have.
        """
        if path in self.ready:
            self.terminated(path)
            self.old[path] = self.lives[path]
            return
        if self.calling[path]:
            return
        reason = self.reasons.get(path) or str(error)
        grouped = self.flags[path[:-1]].is_grouped
        if grouped and self.culprits.get(path[:-1]) != path:
            self.old.pop(path, None)
        self.report("start_error", path, reason, n="none" if grouped else None)
        self.retries.add(path)

    def terminated(self, path: Path) -> None:
        """
        A life ended by itself.
        """
        self.report("child_terminated", path, self.reasons[path], n=self.lives[path])

    def stopped(self, path: Path) -> None:
        """
        A life ended because it was told to.
        """
        spec, reason = self.specs[path], self.reasons[path]
        expected = "killed" if spec.shutdown == "brutal_kill" else "shutdown"
        if reason == expected or (spec.restart != "permanent" and reason in NORMAL):
            return
        if self.flags[path[:-1]].is_dynamic and path[:-1] in self.complaints:
            self.complaints[path[:-1]][reason] += 1
        else:
            self.report("shutdown_error", path, reason, n=self.lives[path])

    def report(self, context: str, path: Path, reason: str, n: int | str | None = None) -> None:
        """
        Write down a complaint.
        """
        if n is None:
            n = "none" if path not in self.old else "restarting" if path in self.retries else self.old[path]
        self.listener.note("report", s=path_text(path[:-1]), c=context, p=path_text(path), n=n, r=reason)
