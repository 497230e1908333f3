"""
The laws of supervision, checked on the stream of events, on pictures of the tree, and on what orders were given.

Nothing here looks inside of a supervisor: a `Laws` is a sink like any other, is told of orders by whoever gives them, and of
errors by whoever raises them. It keeps what is there now and nothing else, so it can watch for as long as it likes.

The numbers are those of the list of invariants that the supervisor was built on.

- One life (I1, I17). A child begins a life only when the one before is over, and lives are counted without a gap.
- One end (I2, I10). Each life ends exactly once, before its supervisor has stopped; what is in it ends before it does.
- In order (I3). A child starts when those before it are up, or are to stay down.
- In reverse (I4). When all have to go, or a group, nobody is told before those started later are gone.
- Not against a wish (I5, I6). What a person stopped, and what is done, does not come back by itself.
- Budgets (I7, I9). Restarts in a window are never more than are forgiven, and are counted right; a person's orders cost nothing.
- Delays (I8). A delay is within its bounds, the first is none, and it is kept.
- Told once (I11). What a child raised is in the end of its life, once; what it raised while all was stopped leaves the run.
- Patience (I13). Who was asked to stop is gone, or cancelled, when its grace is over.
- Once stopping has begun nothing starts, and the first reason stands.
- Time and numbers only grow.
- A picture shows what events told; in a quiet moment whoever is wanted is up, on its way, or has a reason not to be.
"""

from __future__ import annotations

import collections
import hashlib
import math
from collections.abc import Iterator

import attrs

import trio_run as tr
from trio_run import events as ev

ENDS = (ev.ChildFinished, ev.ChildFailed, ev.ChildLost, ev.ChildParked, ev.ChildIgnored, ev.ChildStopped)

EPSILON = 1e-6

ORDERED = ("barred", "leaving", "asked_up", "proven", "failures", "own", "not_before")
"""What an order changes of what is known of a child."""


class CrashError(Exception):
    """
    What a child raised, with a number so that it can be followed.
    """

    def __init__(self, path: str, serial: int) -> None:
        super().__init__(path, serial)
        self.path, self.serial = path, serial
        self.told = 0


@attrs.define(eq=False, repr=False)
class Child:
    """
    What is known of one child in one run of its supervisor.
    """

    name: str
    life: int = 0
    live: bool = False
    began: float = -math.inf
    ready_at: float = math.inf
    proven: bool = False
    deadline: float = math.inf
    told: bool = False  # To go.
    in_turn: bool = False  # And not by itself.
    overdue: bool = False
    killed: bool = False  # Without grace, so that only its own clean-up keeps it.
    barred: str = ""  # Why it must not start.
    leaving: bool = False
    asked_up: bool = False  # By a person, since it last started.
    ended: ev.Event | None = None  # What is not accounted for yet.
    failures: int = 0
    own: collections.deque[float] = attrs.field(factory=collections.deque)
    not_before: float = -math.inf


@attrs.define(eq=False, repr=False)
class Run:
    """
    What is known of one run of a supervisor.
    """

    path: str
    plan: tr.Supervisor | None
    boot: set[str]
    ready: bool = False
    reason: str | None = None  # Why it stops.
    rearranged: bool = False  # Who had to go before that goes in the order from before.
    window: collections.deque[float] = attrs.field(factory=collections.deque)
    children: dict[str, Child] = attrs.field(factory=dict)
    lost: tuple[str, float, BaseException] | None = None  # Who ended last for good, when, and with what.
    owed: list[BaseException] = attrs.field(factory=list)  # What the run has to raise.

    def child(self, name: str) -> Child:
        """
        What is known of the child *name*.
        """
        return self.children.setdefault(name, Child(name))

    def spec(self, name: str) -> tr.Child | None:
        """
        The rules of the child *name*, as its supervisor has them now.
        """
        if self.plan is None:
            return None
        return next((each for each in self.plan.children if each.name == name), None)


@attrs.define(eq=False, repr=False)
class Laws:
    """
    A sink that keeps a list of what broke a law.
    """

    broken: list[str] = attrs.field(factory=list)
    count: int = 0
    kinds: collections.Counter[str] = attrs.field(factory=collections.Counter)
    plans: dict[str, tr.Supervisor] = attrs.field(factory=dict)
    """The supervisors by path, as far as anybody says; the laws about rules are for these."""

    runs: dict[str, Run] = attrs.field(factory=dict)
    untold: dict[int, CrashError] = attrs.field(factory=dict)
    owed: dict[str, list[BaseException]] = attrs.field(factory=dict)
    again: set[str] = attrs.field(factory=set)
    """Who says that it wants another life, at no cost."""

    over: set[str] = attrs.field(factory=set)
    """Who says that it is done."""

    _seq: int = 0
    _now: float = -math.inf
    _serial: int = 0
    _digest: hashlib._Hash = attrs.field(factory=hashlib.sha256)

    def __call__(self, event: ev.Event) -> None:
        """
        Check one event.
        """
        self.count += 1
        self.kinds[event.name] += 1
        self._digest.update(f"{event.name} {event.path}#{event.life} {event.time:.6f}\n".encode())
        try:
            self._check(event)
        except Exception as exc:  # noqa: BLE001 - or it would be lost: a sink that raises is dropped
            self.broke(event, f"the law itself broke: {exc!r}")

    def broke(self, event: ev.Event | str, what: str) -> None:
        """
        Note that a law was broken.
        """
        where = event if isinstance(event, str) else f"{event.time:.3f} s {event.name} {event.path}#{event.life}"
        self.broken.append(f"{where}: {what}")

    @property
    def digest(self) -> str:
        """
        A short text that is the same for the same events at the same times.
        """
        return self._digest.hexdigest()[:16]

    # What others tell.

    def begin(self) -> None:
        """
        Take the next event for the first one of another world.
        """
        self._seq, self._now = 0, -math.inf

    def crash(self, path: str) -> CrashError:
        """
        An error for a child to raise, that has to be told of once.
        """
        self._serial += 1
        error = self.untold[self._serial] = CrashError(path, self._serial)
        return error

    def ordered(self, verb: str, path: str) -> None:
        """
        Note that a person takes a child down or brings it up; to be called just before the order.
        """
        child = self._known(path)
        if child is None:
            return
        if verb in {"stop", "remove"}:
            child.barred = f"{verb} by a person"
            child.leaving, child.asked_up = child.leaving or verb == "remove", False
            return
        child.barred, child.leaving, child.failures, child.not_before = "", False, 0, -math.inf
        child.own.clear()
        child.asked_up = True
        if verb != "restart":
            child.proven = False
            self.runs[path.rpartition("/")[0]].boot.discard(child.name)

    def rearranged(self, path: str) -> None:
        """
        Note that a person gives the children of a supervisor another order.
        """
        if path in self.runs:
            self.runs[path].rearranged = True

    def refused(self, path: str, before: Child | None) -> None:
        """
        Note that an order was refused, so that what was *before* still stands.
        """
        child = self._known(path)
        if child is not None and before is not None:
            for field in ORDERED:
                setattr(child, field, getattr(before, field))

    def wish(self, path: str) -> Child | None:
        """
        What stands now about a child.
        """
        child = self._known(path)
        return None if child is None else attrs.evolve(child, own=child.own.copy())

    def _known(self, path: str) -> Child | None:
        above, _, name = path.rpartition("/")
        run = self.runs.get(above)
        return None if run is None else run.child(name)

    def raised(self, path: str, error: BaseException | None) -> None:
        """
        Check that a run of a supervisor raised all that it owes.
        """
        has = collections.Counter(id(each) for each in nodes_of(error))
        owes = [leaf for each in self.owed.pop(path, ()) for leaf in nodes_of(each) if not _is_group(leaf)]
        for leaf in owes:
            if has[id(leaf)] != 1:
                self.broke(path, f"its run raised {error!r}, with {leaf!r} {has[id(leaf)]} times and not once")

    # Events.

    def _check(self, event: ev.Event) -> None:
        if event.seq != self._seq + 1:
            self.broke(event, f"number {event.seq} came after {self._seq}")
        if event.time < self._now:
            self.broke(event, f"time went back from {self._now}")
        self._seq, self._now = event.seq, event.time
        if isinstance(event, ev.SupervisorStarting):
            if event.path in self.runs:
                self.broke(event, "it runs already")
            self.runs[event.path] = Run(event.path, self.plans.get(event.path), set(event.children))
            return
        kind = event.name.partition(".")[0]
        run = self.runs.get(event.path if kind == "supervisor" else event.path.rpartition("/")[0])
        if run is None:
            self.broke(event, "its supervisor does not run")
        elif kind == "supervisor":
            self._of_run(run, event)
        else:
            self._of_child(run, run.child(event.path.rpartition("/")[2]), event)

    def _of_run(self, run: Run, event: ev.Event) -> None:
        match event:
            case ev.SupervisorReady():
                if run.ready or run.reason is not None:
                    self.broke(event, "ready twice, or too late")
                run.ready = True
            case ev.SupervisorStopping(reason=reason):
                if run.reason is not None:
                    self.broke(event, f"stops already: {run.reason}")
                run.reason = reason
                if run.lost is not None and run.lost[1] == event.time and self._is_doomed(run, run.lost[0], reason):
                    run.owed.append(run.lost[2])
            case ev.SupervisorStopped():
                self._stopped(run, event)
            case ev.GroupRestarting(members=members):
                for name in members:
                    if run.child(name).barred:
                        self.broke(event, f"{name} is among the members: {run.child(name).barred}")
                    run.child(name).not_before = -math.inf  # Overtaken, but for that of the culprit, told before.
                culprit = run.child(event.culprit)
                culprit.not_before = self._now + self._delay_of(culprit)
            case _:
                pass

    def _delay_of(self, child: Child) -> float:
        return child.ended.delay if isinstance(child.ended, ev.ChildRestartScheduled) else 0.0

    def _is_doomed(self, run: Run, name: str, reason: str) -> bool:
        """
        Tell whether a *run* stops because of its child *name*, and not of one of that name further up.
        """
        above = (each.reason for path, each in self.runs.items() if run.path.startswith(f"{path}/"))
        return reason in _dooms(name) and reason not in above

    def _stopped(self, run: Run, event: ev.Event) -> None:
        if run.reason is None:
            self.broke(event, "stopped without a reason")
        for child in run.children.values():
            if child.live:
                self.broke(event, f"{child.name}#{child.life} lives on")
        for serial, error in list(self.untold.items()):
            if error.path.rpartition("/")[0] == run.path:
                self.broke(event, f"{error!r} was not told of")
                del self.untold[serial]
        del self.runs[run.path]
        self.owed[run.path] = run.owed

    def _of_child(self, run: Run, child: Child, event: ev.Event) -> None:
        match event:
            case ev.ChildStarting():
                self._starting(run, child, event)
            case ev.ChildReady():
                if not self._is_present(child, event) or child.ready_at < math.inf:
                    self.broke(event, "not there, or ready twice")
                child.ready_at, child.proven = event.time, True
            case ev.ChildStopping():
                self._stopping(run, child, event)
            case ev.ChildOverdue():
                if not self._is_present(child, event) or abs(event.time - child.deadline) > EPSILON or child.overdue:
                    self.broke(event, f"its grace is over at {child.deadline}")
                child.overdue = True
            case ev.ChildStuck():
                if not self._is_present(child, event) or not child.told:
                    self.broke(event, "stuck, and not there or not told to go")
            case ev.ChildRestartScheduled():
                self._scheduled(run, child, event)
            case ev.ChildRemoved():
                if child.live:
                    self.broke(event, "removed while it lives")
                run.children.pop(child.name, None)
                run.boot.discard(child.name)
            case _ if isinstance(event, ENDS):
                self._ended(run, child, event)

    def _is_present(self, child: Child, event: ev.Event) -> bool:
        return child.live and child.life == event.life

    def _starting(self, run: Run, child: Child, event: ev.Event) -> None:
        if child.live or event.life != child.life + 1:
            self.broke(event, f"the last was #{child.life}, " + ("which lives" if child.live else "which is over"))
        if run.reason is not None:
            self.broke(event, f"the supervisor stops: {run.reason}")
        if child.barred:
            self.broke(event, f"it is not wanted: {child.barred}")
        if event.time < child.not_before - EPSILON:
            self.broke(event, f"its delay is over at {child.not_before}")
        self._check_turn(run, child, event)
        child.life, child.live, child.began, child.ready_at = event.life, True, event.time, math.inf
        child.told = child.in_turn = child.overdue = child.killed = child.asked_up = False
        child.deadline, child.ended, child.not_before = math.inf, None, -math.inf

    def _check_turn(self, run: Run, child: Child, event: ev.Event) -> None:
        plan = run.plan
        if plan is None:
            return
        grouped = plan.strategy is not tr.Strategy.ONE_FOR_ONE
        if not grouped and (run.ready or child.proven or child.name not in run.boot):
            return
        before = list(plan.statistics())
        if plan.start_order is tr.StartOrder.PARALLEL:
            spec = run.spec(child.name)
            after = set() if spec is None else set(spec.rules.after or ())
            before = [each for each in before if each.name in after]
        for other in before:
            if other.name == child.name:
                break
            waits = grouped or (other.name in run.boot and not run.child(other.name).proven)
            passing = (
                run.child(other.name).told and not run.child(other.name).in_turn
            )  # By itself, as those behind it stay.
            if waits and other.wanted and other.phase != "up" and not passing:
                self.broke(event, f"{other.name} is {other.phase}, and comes before it")

    def _stopping(self, run: Run, child: Child, event: ev.ChildStopping) -> None:
        if not self._is_present(child, event):
            self.broke(event, "told to go, and not there")
        if child.told and event.grace:
            self.broke(event, "told to go twice")
        if not child.told:
            in_turn = event.reason == run.reason or event.reason.partition(":")[0] in {
                each.value for each in tr.Strategy
            }
            if in_turn and (event.reason == run.reason or not run.rearranged):
                self._check_fall(run, child, event)
            child.in_turn = in_turn or event.reason.startswith("reconfigured")
        child.told, child.deadline, child.killed = True, event.time + event.grace, not event.grace

    def _check_fall(self, run: Run, child: Child, event: ev.Event) -> None:
        plan = run.plan
        if plan is None:
            return
        names = [each.name for each in plan.statistics()]
        behind = names[names.index(child.name) + 1 :] if child.name in names else []
        if plan.start_order is tr.StartOrder.PARALLEL:
            behind = [name for name in behind if child.name in (((spec := run.spec(name)) and spec.rules.after) or ())]
        side_by_side = plan.strategy is tr.Strategy.ONE_FOR_ONE and self._comes_and_goes(run, child.name)
        for name in behind:
            other = run.child(name)
            if not other.live or (other.told and not other.in_turn) or (other.told and run.reason is None):
                continue
            if not (side_by_side and self._comes_and_goes(run, name)):
                self.broke(event, f"{name} was started later, and is not gone")

    def _comes_and_goes(self, run: Run, name: str) -> bool:
        spec = run.spec(name)
        return spec is not None and spec.restart is tr.Restart.NEVER and name not in run.boot

    def _ended(self, run: Run, child: Child, event: ev.Event) -> None:
        if not self._is_present(child, event):
            self.broke(event, "ended, and not there")
        if event.time > child.deadline + EPSILON and not child.overdue and not child.killed:
            self.broke(event, f"its grace was over at {child.deadline}")
        if isinstance(event, ev.ChildStopped) and not child.told:
            self.broke(event, "stopped, and was not told to")
        if event.path in self.runs or f"{event.path}/block" in self.runs:
            self.broke(event, "the supervisor in it still runs")
        error = getattr(event, "error", None)
        for crash in {id(each): each for each in _crashes(error)}.values():
            if crash.path == event.path:
                crash.told += 1
                if crash.told != 1 or self.untold.pop(crash.serial, None) is None:
                    self.broke(event, f"{crash!r} was told of before")
        if event.path in self.owed:
            self.raised(event.path, error)
        if run.reason is not None and error is not None:
            run.owed.append(error)
        run.lost = (child.name, event.time, error) if isinstance(event, ev.ChildLost) and error is not None else None
        child.live, child.ended = False, event
        self._bar(run, child, event)

    def _bar(self, run: Run, child: Child, event: ev.Event) -> None:
        spec = run.spec(child.name)
        restart = None if spec is None else spec.restart
        if isinstance(event, ev.ChildLost | ev.ChildParked | ev.ChildIgnored):
            child.barred = event.name
        elif restart is tr.Restart.NEVER and not child.asked_up:
            child.barred = "it runs once"
        elif (
            isinstance(event, ev.ChildFinished)
            and event.path not in self.again
            and (restart is tr.Restart.ON_FAILURE or event.path in self.over)
        ):
            child.barred = "it is done"

    def _scheduled(self, run: Run, child: Child, event: ev.ChildRestartScheduled) -> None:
        ended, child.ended = child.ended, event
        if child.live or child.barred:
            self.broke(event, f"it {'lives' if child.live else 'is not wanted: ' + child.barred}")
        child.not_before = event.time + event.delay
        spec = run.spec(child.name)
        if run.plan is None or spec is None:
            return
        if isinstance(ended, ev.ChildFinished) and event.path in self.again:
            return
        backoff, now = spec.rules.backoff or run.plan.backoff, event.time
        stable = now - child.ready_at >= backoff.stable_after
        child.failures = 1 if stable else child.failures + 1
        if event.failures != child.failures:
            self.broke(event, f"{event.failures} failures in a row, and it should be {child.failures}")
        if not 0 <= event.delay <= backoff.max or (event.failures == 1 and event.delay):
            self.broke(event, f"a delay of {event.delay} s, with {backoff}")
        if spec.rules.budget is not None:
            self._charge(child.own, spec.rules.budget, event, "its own budget")
        if self._charge(run.window, run.plan.budget, event, "the budget") and event.spent != len(run.window):
            self.broke(event, f"{event.spent} spent, and it should be {len(run.window)}")

    def _charge(
        self, window: collections.deque[float], budget: tr.Budget, event: ev.ChildRestartScheduled, whose: str
    ) -> bool:
        if event.failures > budget.in_a_row:
            self.broke(event, f"{event.failures} failures in a row, and {whose} is {budget}")
        if budget.restarts == math.inf:
            return False
        while window and window[0] < event.time - budget.per:
            window.popleft()
        window.append(event.time)
        if len(window) > budget.restarts:
            self.broke(event, f"{len(window)} restarts in {budget.per} s, and {whose} is {budget}")
        return True

    # Pictures.

    def flaws(self, picture: tr.SupervisorSnapshot) -> Iterator[str]:
        """
        Yield where a picture does not show what events told, or somebody was forgotten.

        What was ordered in this very moment is not told yet, so only what is found in two pictures is a flaw.
        """
        run = self.runs.get(picture.path)
        if run is None:
            if picture.phase not in {"stopped", "failed", "not running"}:
                yield (f"{picture.path}: a picture has it {picture.phase}, and no event did")
            return
        phase = "stopping" if run.reason is not None else "up" if run.ready else "starting"
        if picture.phase != phase:
            yield (f"{picture.path}: a picture has it {picture.phase}, and events have it {phase}")
        coming = [each for each in picture.children if each.wanted and each.phase != "up"]
        moving = any(each.phase not in {"down", "up"} or each.starts_in is not None for each in picture.children)
        for each in picture.children:
            child = run.child(each.name)
            phases = {"down"} if not child.live else {"up"} if child.ready_at < math.inf else {"starting"}
            if child.told:
                phases = {"stopping", "killing"} if child.live else {"down"}
            if each.phase not in phases:
                yield (f"{each.path}: a picture has it {each.phase}, and events have it {phases}")
            if child.live and each.life != child.life:
                yield (f"{each.path}: a picture has it in life {each.life}, and events in {child.life}")
            if each.wanted and child.barred:
                yield (f"{each.path}: it is wanted, though {child.barred}")
            for below in each.supervisors:
                yield from self.flaws(below)
        if coming and not moving and run.reason is None:
            yield (f"{picture.path}: {[each.name for each in coming]} are wanted, and nothing moves")

    def check_over(self) -> None:
        """
        Check that nothing is left.
        """
        for path in self.runs:
            self.broke(path, "its run was not told to be over")
        for error in self.untold.values():
            self.broke(error.path, f"{error!r} was not told of")


def nodes_of(error: BaseException | None) -> Iterator[BaseException]:
    """
    An error and all that it is made of.
    """
    if error is None:
        return
    yield error
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from nodes_of(each)
    elif isinstance(error, tr.StartFailed):
        yield from nodes_of(error.__cause__)


def _dooms(name: str) -> set[str]:
    """
    The reasons that a supervisor stops for because of the child *name*.
    """
    return {f"{why}: {name}" for why in ("gave_up", "start_failed", "fatal")}


def _is_group(error: BaseException) -> bool:
    """
    Whether an error only holds others; such a one is made anew on its way.
    """
    return isinstance(error, BaseExceptionGroup)


def _crashes(error: BaseException | None) -> Iterator[CrashError]:
    """
    The errors of ours in what a life ended with: itself, and what it raised while it was taken down for another.
    """
    faults = isinstance(error, tr.Unhealthy | tr.StartTimedOut)
    for each in [*nodes_of(error), *(nodes_of(error.__context__) if error is not None and faults else ())]:
        if isinstance(each, CrashError):
            yield each
