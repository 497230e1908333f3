"""
A model of OTP's supervisor, with a switch for each thing that trio_run does differently.

`play` tells what happens in a scenario, in the words of a recording. With all switches off this is what OTP 25 does, its
oddities included; with all on, what a supervisor of trio_run does. There is no time but the seconds that the scenario lets
pass, and nothing happens at once: each supervisor has a box of messages, and the deepest one that has any handles its first.

A switch is looked at where it makes a difference and nowhere else, so that the model also knows which deviations a scenario
meets.

What becomes of the children of a supervisor that was killed is not told: see `comparable`.
"""

from __future__ import annotations

import collections
import math
from collections.abc import Collection, Iterable

import attrs

from .deviation import NONE, Deviation
from .recording import DYNAMIC, Advance, Call, Event, Exits, Flags, Op, Path, Plan, Scenario, Spec, Stop

NORMAL = {"normal", "shutdown", "shutdown_term"}
OUR_ERRORS = {"gave_up", "failed_to_stop"}


@attrs.frozen
class Story:
    """
    What happened in a scenario.
    """

    events: list[Event]
    held: list[tuple[str, str]]
    """What came of calls that were made during a start, sorted: when they are answered is up to chance."""

    met: frozenset[Deviation]
    """The switches that were looked at."""


def play(scenario: Scenario, deviations: Collection[Deviation] = NONE) -> Story:
    """
    Tell what happens in *scenario*.
    """
    world = World(frozenset(deviations))
    world.run(scenario)
    return Story(world.events, sorted(world.held), frozenset(world.met))


def path_text(path: Path) -> str:
    """
    Write a path as events do.
    """
    return "/".join(home_of(path)) or "/"


def is_bad(spec: Spec, auto_shutdown: str) -> bool:
    """
    Tell whether a child cannot be significant as its specification says.
    """
    return spec.significant and (auto_shutdown == "never" or spec.restart == "permanent")


def home_of(path: Path) -> Path:
    """
    Return the path as events have it: without what tells children apart that were made of one template by one name.
    """
    return tuple(step.partition("~")[0] for step in path)


class OutOfTimeError(Exception):
    """
    A supervisor has not stopped in time; the argument is how many of those above have to stop too.
    """


class FailedError(Exception):
    """
    A child did not start; the argument is the reason.
    """


@attrs.define(eq=False)
class Child:
    """
    What a supervisor knows of a child.
    """

    spec: Spec
    id: str = attrs.field(default=attrs.Factory(lambda self: self.spec.id, takes_self=True))
    """Its name."""

    life: int | None = None
    """Number of the life that runs."""

    retry: Retry | None = None
    """Its start failed, and this message will have it tried again; OTP says restarting."""

    old: int | None = None
    """The life before, which OTP remembers until the next one runs."""

    wanted: bool = True
    calls: list[Call] = attrs.field(factory=list)
    """Who waits for it to come up in its turn."""

    is_called: bool = False
    """Whoever asked for its start takes its failure: then it stays down."""

    @property
    def offender(self) -> int | str:
        """
        What a report says of its process.
        """
        if self.life is not None:
            return self.life
        if self.old is None:
            return "none"
        return "restarting" if self.retry else self.old

    @property
    def is_due(self) -> bool:
        """
        Whether it is down, and to come up.
        """
        return self.wanted and self.life is None

    is_asked: bool = False
    """It has been asked to go with all others."""

    is_new: bool = False
    """It has been asked for, and was never up."""

    def rest(self) -> None:
        """
        Note that it is down.
        """
        self.life = self.old = None
        self.retry = None


@attrs.frozen
class Exit:
    """
    A message: a life is over.
    """

    id: str
    life: int
    reason: str


@attrs.frozen(eq=False)
class Retry:
    """
    A message: try again to start this child.
    """

    id: str


@attrs.define(eq=False)
class Held:
    """
    A message: a call that came while a child was starting.
    """

    call: Call
    process: tuple[Path, int] | None = None
    """The child and the life that was meant, where a call is about that."""


URGENCY: dict[type, int] = {Exit: 0, Held: 1, Retry: 2}
"""In which order we handle messages; for OTP they are all alike."""


def result_of(reason: str) -> str:
    """
    Put what a caller is told of a failed start in one word.
    """
    return "sup_start_failed" if reason.startswith("failed_to_start") else reason


class World:
    """
    All the supervisors of a scenario, and the children they run.
    """

    def __init__(self, deviations: frozenset[Deviation]) -> None:
        self.deviations = deviations
        self.met: set[Deviation] = set()
        self.events: list[Event] = []
        self.held: list[tuple[str, str]] = []
        self.now = 0
        self.plans: dict[Path, list[str | Call]] = {}
        self.lives: collections.Counter[Path] = collections.Counter()
        self.running: dict[Path, tuple[int, Spec]] = {}
        self.supervisors: dict[Path, Supervisor] = {}
        self.latest: dict[Path, Path] = {}
        """Who ran last of those that have the same path in events."""

        self.ran: dict[Path, int] = {}
        """The last life of each child that began."""

        self.made: collections.Counter[Path] = collections.Counter()
        self.millis = 0
        self.limits: list[float] = []
        """When supervisors that stop have to be gone, the outermost first."""

        self.root_exit: str | None = None

    def note(self, e: str, **details: object) -> None:
        """
        Write down an event.
        """
        self.events.append({"e": e, **details})

    def deviates(self, deviation: Deviation) -> bool:
        """
        Tell whether we do it our way here.
        """
        self.met.add(deviation)
        return deviation in self.deviations

    def run(self, scenario: Scenario) -> None:
        """
        Play a scenario from start to end.
        """
        root = Supervisor(self, (), scenario.flags)
        try:
            root.boot(scenario.specs)
        except FailedError as exc:
            self.note("op", op="start_root", res="error", r=exc.args[0])
            return
        self.note("op", op="start_root", res="ok")
        self.take_pictures()
        for op in scenario.ops:
            if not root.alive:
                break
            result = self.do(op)
            self.settle()
            self.note("op", op=op.op, res=result)
            self.take_pictures()
        if root.alive:
            self.note("op", op="final_stop", res="ok")
            root.stop("shutdown")
        self.note("root_exit", r=self.root_exit)

    def do(self, op: Op) -> str:
        """
        Do one thing to the supervisors.
        """
        match op:
            case Stop():
                self.supervisors[()].stop("shutdown")
            case Advance(seconds=seconds):
                self.now += seconds
            case Plan(path=path, outcomes=outcomes):
                self.plans[path] = list(outcomes)
            case Exits(exits=exits):
                return self.let_exit([(self.latest.get(path, path), reason) for path, reason in exits])
            case Call(path=path):
                supervisor = self.supervisors.get(self.latest.get(path, path))
                return "noproc" if supervisor is None else str(supervisor.answer(op, supervisor.process_of(op)))
        return "ok"

    def let_exit(self, exits: list[tuple[Path, str]]) -> str:
        """
        Have children end by themselves; a supervisor does only if it is killed.
        """
        live = [each for each in exits if each[0] in self.running and self.may_exit(*each)]
        for path, reason in live:
            if path in self.running:
                self.note("exit", p=path_text(path), n=self.running[path][0], r=reason)
                if path in self.supervisors:
                    self.supervisors[path].die()
                self.exited(path, reason)
        return "ok" if live else "not_running"

    def may_exit(self, path: Path, reason: str) -> bool:
        """
        Tell whether a child would end for that reason.
        """
        return path not in self.supervisors or reason == "killed"

    def below(self, path: Path) -> list[Path]:
        """
        Return the paths of those below a supervisor.
        """
        return [each for each in self.running if each[: len(path)] == path and each != path]

    def pass_time(self, millis: float) -> None:
        """
        Wait for a child that does not go, if nobody loses patience before.
        """
        self.millis += millis
        over = min(self.limits, default=math.inf)
        if over < self.millis:
            self.millis = over
            raise OutOfTimeError(self.limits.index(over))

    def settle(self) -> None:
        """
        Let all messages be handled.
        """
        while busy := [each for each in self.supervisors.values() if each.box]:
            first = min(each.urgency for each in busy)
            urgent = [each for each in busy if each.urgency == first]
            if len(urgent) < len(busy) and self.deviates(Deviation.BACKOFF_IS_A_STATE):
                busy = urgent
            max(busy, key=lambda each: len(each.path)).handle()

    def exited(self, path: Path, reason: str) -> None:
        """
        Tell the parent of a life that it is over.
        """
        life, _spec = self.running.pop(path)
        parent = self.supervisors.get(path[:-1])
        if parent is not None:
            parent.box.append(Exit(path[-1], life, reason))

    def take_pictures(self) -> None:
        """
        Write down how all supervisors stand.
        """
        for path, supervisor in sorted(self.supervisors.items()):
            if self.latest[home_of(path)] != path:
                continue
            children = supervisor.children.values()
            states = [
                [home_of((each.id,))[0], "down" if each.life is None else each.life] for each in reversed(children)
            ]
            nested = sum(each.spec.is_supervisor for each in children)
            active = sum(each.life is not None for each in children)
            specs = 1 if supervisor.flags.is_dynamic else len(children)
            count = [specs, active, nested, len(children) - nested]
            self.note("snap", s=path_text(path), ch=states, cnt=count)


class Supervisor:
    """
    One life of a supervisor.
    """

    def __init__(self, world: World, path: Path, flags: Flags) -> None:
        self.world, self.path, self.flags = world, path, flags
        self.grouped = flags.is_grouped
        self.children: dict[str, Child] = {}  # In start order.
        self.spent: list[int] = []
        self.box: collections.deque[Exit | Retry | Held] = collections.deque()
        self.alive = True
        self.booted = False
        self.is_due = False  # Whether it is to stop since children have ended.
        self.end: str | None = None  # Why it stops.
        self.complaints: collections.Counter[str] = collections.Counter()  # Of a stop, by reason, if it is dynamic.

    @property
    def urgency(self) -> int:
        """
        How urgent the most urgent of its messages is.
        """
        return min(URGENCY[type(message)] for message in self.box)

    def deviates(self, deviation: Deviation) -> bool:
        """
        Tell whether we do it our way here.
        """
        return self.world.deviates(deviation)

    def path_of(self, child: Child) -> Path:
        """
        Return the path of a child.
        """
        return (*self.path, child.id)

    def report(self, context: str, child: Child, reason: str) -> None:
        """
        Write down a complaint.
        """
        self.world.note(
            "report",
            s=path_text(self.path),
            c=context,
            p=path_text(self.path_of(child)),
            n=child.offender,
            r=reason,
        )

    # Starting and stopping.

    def boot(self, specs: Iterable[Spec]) -> None:
        """
        Start the first children, all or none.
        """
        specs = list(specs)
        self.world.latest[home_of(self.path)] = self.path
        if self.flags.is_dynamic:
            if len(specs) + (self.flags.template is not None) != 1:
                raise FailedError("bad_start_spec")
            if any(is_bad(spec, self.flags.auto_shutdown) for spec in [*specs, self.flags.template] if spec):
                raise FailedError("start_spec")
            self.world.supervisors[self.path] = self
            self.booted = True
            return
        names = {spec.id for spec in specs}
        if len(names) < len(specs) or any(is_bad(spec, self.flags.auto_shutdown) for spec in specs):
            raise FailedError("start_spec")
        self.children = {spec.id: Child(spec) for spec in specs}
        self.world.supervisors[self.path] = self
        failed = self.start_all(list(self.children.values()))
        self.booted = True
        if failed is not None:
            child, reason = failed
            self.report("start_error", child, reason)
            self.take_down(list(self.children.values()))
            self.leave()
            raise FailedError(f"failed_to_start:{child.id}")

    def start_all(self, children: Iterable[Child]) -> tuple[Child, str] | None:
        """
        Start *children* one after another, up to the first that fails; return that one and the reason.
        """
        for child in children:
            try:
                self.start(child)
            except FailedError as exc:
                if not child.is_called:
                    return child, exc.args[0]
                self.refuse(child)
                self.answer_calls(child, result_of(exc.args[0]))
            else:
                self.answer_calls(child, "ok" if child.life is not None else "ok_undefined")
        return None

    def refuse(self, child: Child) -> None:
        """
        Note that a start which somebody asked for has failed: a new child is forgotten, any other stays down.
        """
        child.wanted = False
        if child.is_new:
            self.children.pop(child.id, None)

    def start(self, child: Child) -> None:
        """
        Begin a life, unless the child passes.
        """
        world, path = self.world, self.path_of(child)
        home = home_of(path)
        plan = world.plans.setdefault(home, list(child.spec.plan))
        outcome = plan.pop(0) if plan else "ok"
        world.lives[home] += 1
        life = world.lives[home]
        held = isinstance(outcome, Call)
        world.note("start", p=path_text(path), n=life, o="error" if held else outcome)
        if isinstance(outcome, Call):
            self.box.append(Held(outcome, self.process_of(outcome)))
            raise FailedError("boom")
        if outcome == "error":
            raise FailedError("boom")
        if outcome == "raise":
            raise FailedError("raise")
        child.is_new = False
        if outcome == "ignore":
            self.dismiss(child)
            return
        if child.spec.flags is not None:
            Supervisor(world, path, child.spec.flags).boot(child.spec.specs)
        child.rest()
        child.life, child.wanted = life, True
        world.running[path] = (life, child.spec)
        world.latest[home] = path
        world.ran[path] = life

    def dismiss(self, child: Child) -> None:
        """
        Note that a child is down and not wanted; who runs once at the most is forgotten.
        """
        child.rest()
        child.wanted = False
        if child.spec.restart == "temporary" or self.flags.is_dynamic:
            self.children.pop(child.id, None)

    def take_down(self, children: list[Child]) -> None:
        """
        Stop *children*, given in start order, the last first.
        """
        for child in reversed(children):
            if child.life is not None and child.spec.restart == "temporary":
                self.children.pop(child.id, None)
            self.terminate(child)
            child.rest()

    def ask_all(self) -> None:
        """
        Ask all children to go, side by side, and wait as long as one is stubborn.
        """
        live = [child for child in self.children.values() if self.path_of(child) in self.world.running]
        spec = live[0].spec if live else None
        if spec is None or spec.is_supervisor or spec.shutdown == "brutal_kill":
            return
        for child in live:
            self.world.note("stop", p=path_text(self.path_of(child)), n=child.life, r="shutdown")
            child.is_asked = True
        if spec.on_stop == "stubborn":
            self.world.pass_time(0 if isinstance(spec.shutdown, str) else spec.shutdown)

    def terminate(self, child: Child) -> None:
        """
        End the life of a child, and complain if it does not go as it should.
        """
        if child.life is None:
            return
        path = self.path_of(child)
        reason = self.end_life(child) if path in self.world.running else self.flush(child)
        if reason == ("killed" if child.spec.shutdown == "brutal_kill" else "shutdown"):
            return
        if child.spec.restart == "permanent" or reason not in NORMAL:
            if self.flags.is_dynamic and self.end is not None:
                self.complaints[reason] += 1
            else:
                self.report("shutdown_error", child, reason)
        if self.end is not None and reason not in NORMAL | {"killed"}:
            self.keep_error()

    def keep_error(self) -> None:
        """
        Note that a child raised while all had to go.
        """
        if self.end == "shutdown" and self.deviates(Deviation.STOP_ERRORS_ARE_KEPT):
            self.end = "failed_to_stop"

    def end_life(self, child: Child) -> str:
        """
        Ask a child to go, and return how it went.
        """
        world, path, spec = self.world, self.path_of(child), child.spec
        if spec.is_supervisor:
            reason = self.end_supervisor(world.supervisors[path], spec.shutdown)
        elif spec.shutdown == "brutal_kill":
            world.note("kill", p=path_text(path), n=child.life)
            reason = "killed"
        else:
            if not child.is_asked:
                world.note("stop", p=path_text(path), n=child.life, r="shutdown")
            reason = {"graceful": "shutdown", "stubborn": "killed"}.get(
                spec.on_stop, spec.on_stop.removeprefix("exit:")
            )
            if spec.on_stop == "stubborn":
                world.pass_time(0 if child.is_asked or isinstance(spec.shutdown, str) else spec.shutdown)
                world.note("kill", p=path_text(path), n=child.life)
        del world.running[path]
        return reason

    def end_supervisor(self, supervisor: Supervisor, shutdown: int | str) -> str:
        """
        Ask a supervisor to go, and return how it went; one that takes too long is killed.
        """
        world, killed = self.world, shutdown == "brutal_kill"
        if not killed:
            level = len(world.limits)
            world.limits.append(math.inf if isinstance(shutdown, str) else world.millis + shutdown)
            try:
                return supervisor.stop("shutdown")
            except OutOfTimeError as exc:
                if exc.args[0] != level:
                    raise
            finally:
                world.limits.pop()
        stopping = [supervisor, *(world.supervisors.get(path) for path in world.below(supervisor.path))]
        if any(each is not None and each.end == "failed_to_stop" for each in stopping):
            self.keep_error()
        world.note("kill", p=path_text(supervisor.path), n=world.running[supervisor.path][0])
        supervisor.die()
        return "killed"

    def flush(self, child: Child) -> str:
        """
        Take the exit of a child that ended before it was asked out of the box, and return how it ended.
        """
        for message in self.box:
            if isinstance(message, Exit) and message.id == child.id and message.life == child.life:
                self.box.remove(message)
                return message.reason
        raise AssertionError(f"{child.id} is neither running nor has it exited")

    def die(self) -> None:
        """
        Be killed; the children hear of it, and what becomes of them is not told.
        """
        for path in self.world.below(self.path):
            self.world.running.pop(path, None)
            if path in self.world.supervisors:
                self.world.supervisors[path].leave()
        self.leave()

    def stop(self, end: str) -> str:
        """
        Stop all children, and end; return how.
        """
        self.end = end
        if self.flags.is_dynamic:
            self.ask_all()
        self.take_down(list(self.children.values()))
        for reason, count in self.complaints.items():
            self.world.note("report", s=path_text(self.path), c="shutdown_error", nb=count, r=reason)
        self.world.note("sup_exit", p=path_text(self.path), r=self.end)
        if not self.path:
            self.world.root_exit = self.end
        self.leave()
        return self.end

    def leave(self) -> None:
        """
        Be gone: whoever still waits for an answer gets none.
        """
        calls = [message.call for message in self.box if isinstance(message, Held)]
        calls += [call for child in self.children.values() for call in child.calls]
        self.world.held += [(call.op, "noproc") for call in calls]
        self.box.clear()
        self.alive = False
        del self.world.supervisors[self.path]

    def leave_by_itself(self) -> None:
        """
        Stop because of what happened, and let the parent know.
        """
        reason = self.stop(str(self.end))
        if self.path:
            self.world.exited(self.path, reason)

    # Messages.

    def handle(self) -> None:
        """
        Handle the first message in the box.
        """
        first = self.box[0]
        if self.urgency < URGENCY[type(first)] and self.deviates(Deviation.BACKOFF_IS_A_STATE):
            first = next(message for message in self.box if URGENCY[type(message)] == self.urgency)
        self.box.remove(first)
        match first:
            case Exit():
                self.take_exits(first)
            case Retry():
                self.take_retries(first)
            case Held(call=call, process=process):
                result = self.answer(call, process)
                if result is not None:
                    self.world.held.append((call.op, result))
        if self.end is not None and self.alive:
            self.leave_by_itself()

    def take_exits(self, first: Exit) -> None:
        """
        Judge exits: one, or all of a moment.
        """
        exits = [first]
        if any(isinstance(message, Exit) for message in self.box) and self.deviates(Deviation.ONE_MOMENT):
            exits += [message for message in self.box if isinstance(message, Exit)]
            self.box = collections.deque(message for message in self.box if not isinstance(message, Exit))
            places = {name: place for place, name in enumerate(self.children)}
            exits.sort(key=lambda each: places[each.id])
        restarting: list[Child] = []
        group: list[Child] = []
        for each in exits:
            child = self.children.get(each.id)
            if child is None or child.life != each.life:
                continue
            if self.judge(child, each.reason, absorbed=child in group or self.end is not None):
                restarting.append(child)
                group += [member for member in self.group_of(child) if member not in group]
        if self.is_due and self.end is None:
            self.end = "shutdown"
        if self.end is None and restarting:
            self.fall(group)
            self.rise(restarting)

    def judge(self, child: Child, reason: str, *, absorbed: bool) -> bool:
        """
        Decide what becomes of a child that ended; tell whether it is to be restarted, and was not already.
        """
        normal, restart = reason in NORMAL, child.spec.restart
        comes_back = restart == "permanent" or (restart == "transient" and not normal)
        if comes_back or not normal:
            self.report("child_terminated", child, reason)
        if absorbed and not normal and reason != "killed" and self.end is not None:
            self.keep_error()
        if comes_back:
            if not absorbed and not self.charge(child):
                return False
            child.old, child.life = child.life, None
            return not absorbed
        self.dismiss(child)
        if child.spec.significant and (normal or not absorbed):
            self.is_due = self.is_due or self.is_over()
        return False

    def is_over(self) -> bool:
        """
        Tell whether the exit of a significant child was the last that counts.
        """
        if self.flags.auto_shutdown == "all_significant":
            others = (each for each in self.children.values() if each.spec.significant)
            return not any(each.life is not None or each.old is not None or each.retry for each in others)
        return self.flags.auto_shutdown == "any_significant"

    def charge(self, child: Child) -> bool:
        """
        Enter a failure, and tell whether it is forgiven.
        """
        now = self.world.now
        self.spent = [*(when for when in self.spent if when >= now - self.flags.period), now]
        if len(self.spent) <= self.flags.intensity:
            return True
        self.report("shutdown", child, "reached_max_restart_intensity")
        self.dismiss(child)
        self.end = "gave_up" if self.deviates(Deviation.GIVING_UP_IS_A_FAILURE) else "shutdown"
        return False

    def group_of(self, child: Child) -> list[Child]:
        """
        Return who restarts with a child, itself included, in start order.
        """
        if not self.grouped:
            return [child]
        children = list(self.children.values())
        return children[children.index(child) :] if self.flags.strategy == "rest_for_one" else children

    def fall(self, group: list[Child]) -> None:
        """
        Stop those of a group that are up.
        """
        self.take_down([child for child in group if child.life is not None])

    def take_retries(self, first: Retry) -> None:
        """
        Try again to start children: one, or all of a moment.
        """
        retries = [first]
        if any(isinstance(message, Retry) for message in self.box) and self.deviates(Deviation.ONE_MOMENT):
            retries += [message for message in self.box if isinstance(message, Retry)]
            self.box = collections.deque(message for message in self.box if not isinstance(message, Retry))
        children = [self.children[retry.id] for retry in retries if self.is_current(retry)]
        if not self.deviates(Deviation.BACKOFF_IS_A_STATE):
            children = [child for child in children if self.charge(child)]
            for child in children:
                self.fall(self.group_of(child))
        if children:
            self.rise(children)

    def is_current(self, retry: Retry) -> bool:
        """
        Tell whether a retry is still called for; OTP would take one for another.
        """
        now = self.children[retry.id].retry if retry.id in self.children else None
        return now is retry or (now is not None and not self.deviates(Deviation.BACKOFF_IS_A_STATE))

    def rise(self, culprits: list[Child]) -> None:
        """
        Start again who ended, with those that restart with them.
        """
        if not self.grouped:
            self.rise_alone(culprits)
            return
        culprit = min(culprits, key=list(self.children.values()).index)
        group = self.group_of(culprit)
        group = [child for child in group if child.life is None]  # A call may have come first.
        if not all(child.wanted for child in group) and self.deviates(Deviation.WISHES_ARE_KEPT):
            group = [child for child in group if child.is_due]
        self.start_in_line(group, culprit)

    def start_in_line(self, group: list[Child], culprit: Child) -> None:
        """
        Start a group in order, because of *culprit*.
        """
        old = culprit.old
        for child in group:
            child.rest()
        failed = self.start_all(group)
        if failed is not None:
            child, reason = failed
            self.report("start_error", child, reason)
            child.old = old if child is culprit else None
            self.retry(child, reason)

    def rise_alone(self, children: list[Child]) -> None:
        """
        Start children that do not depend on each other.
        """
        failures: list[tuple[Child, str]] = []
        for child in children:
            failed = self.start_all([child])
            if failed is not None:
                failures.append(failed)
        for child, reason in failures:
            self.report("start_error", child, reason)
            self.retry(child, reason)

    def retry(self, child: Child, reason: str) -> None:
        """
        See to it that a start that failed is tried again.
        """
        child.retry = Retry(child.id)
        if self.deviates(Deviation.BACKOFF_IS_A_STATE):
            if self.end is not None or not self.charge(child):
                self.answer_calls(child, result_of(reason))
                return
            self.fall(self.group_of(child))
        self.box.append(child.retry)

    # Calls.

    def process_of(self, call: Call) -> tuple[Path, int] | None:
        """
        Return which child and life would be meant by a call, if it were made now; None if there was none by that name.
        """
        path = self.world.latest.get((*home_of(self.path), call.id))
        return None if path is None or path not in self.world.ran else (path, self.world.ran[path])

    def answer(self, call: Call, process: tuple[Path, int] | None) -> str | None:
        """
        Do what a call asks for; None where it has to wait.
        """
        if call.op.endswith("_dyn") or self.flags.is_dynamic:
            return self.answer_dynamic(call, process)
        if call.op == "start" and call.spec is not None:
            return self.answer_start(call, call.spec)
        child = self.children.get(call.id)
        if child is None:
            return "not_found"
        if call.op == "terminate":
            self.terminate(child)
            self.let_go(child)
            return "ok"
        if call.op == "restart":
            return self.answer_restart(call, child)
        return self.answer_delete(child)

    def answer_dynamic(self, call: Call, process: tuple[Path, int] | None) -> str:
        """
        Do what only a dynamic supervisor does, or refuse what it does not.
        """
        if not self.flags.is_dynamic:
            return "other" if call.op == "start_dyn" else "not_found"
        home = (*home_of(self.path), call.id)
        if call.op == "start_dyn" and self.flags.template is not None:
            self.world.made[home] += 1
            number = self.world.made[home]
            return self.start_by_hand(Child(self.flags.template, call.id if number == 1 else f"{call.id}~{number}"))
        if call.op in {"start", "start_dyn"}:
            return "raise"
        if call.op != "terminate_dyn" or process is None:
            return DYNAMIC
        path, life = process
        child = self.children.get(path[-1])
        if child is not None and self.world.ran[path] == life:
            self.terminate(child)
            self.let_go(child)
        return "ok"

    def answer_start(self, call: Call, spec: Spec) -> str | None:
        """
        Take in a child, last in start order.
        """
        if is_bad(spec, self.flags.auto_shutdown):
            return "bad_combination"
        if spec.id in self.children:
            return "already_present" if self.children[spec.id].life is None else "already_started"
        child = Child(spec, is_new=True)
        if self.is_early(child) and self.deviates(Deviation.IN_TURN):
            self.children[spec.id] = child
            child.is_called = True
            child.calls.append(call)
            return None
        return self.start_by_hand(child)

    def answer_restart(self, call: Call, child: Child) -> str | None:
        """
        Give a child that is down a new life.
        """
        if child.retry:
            if not self.deviates(Deviation.RESTART_IN_BACKOFF):
                return "restarting"
            child.calls.append(call)
            self.resume(child)
            return None
        if child.life is not None:
            return "running"
        if (child.wanted or self.is_early(child)) and self.deviates(Deviation.IN_TURN):
            child.is_called = child.is_called or not child.wanted
            child.wanted = True
            child.calls.append(call)
            return None
        return self.start_by_hand(child)

    def answer_delete(self, child: Child) -> str:
        """
        Forget a child that is down.
        """
        if child.retry and not self.deviates(Deviation.STOP_IN_BACKOFF):
            return "restarting"
        if child.life is not None:
            return "running"
        self.let_go(child)
        self.children.pop(child.id, None)
        return "ok"

    def let_go(self, child: Child) -> None:
        """
        Keep a child down; in our way, nobody has to wait for it then.
        """
        held_up = child.retry and self.grouped and any(each.is_due for each in self.group_of(child)[1:])
        self.answer_calls(child, "stopped")
        self.dismiss(child)
        if held_up and self.deviates(Deviation.STOP_IN_BACKOFF):
            self.resume(child)

    def is_early(self, child: Child) -> bool:
        """
        Tell whether somebody who comes before a child is still to come.
        """
        if not self.grouped:
            return False
        for each in self.children.values():
            if each is child:
                return False
            if each.is_due:
                return True
        return False

    def resume(self, child: Child) -> None:
        """
        Start all who wait for a child, and the child itself if it is wanted.
        """
        if not self.grouped:
            self.rise_alone([child])
            return
        self.start_in_line([each for each in self.children.values() if each.is_due], child)

    def start_by_hand(self, child: Child) -> str:
        """
        Start a child for a caller, who is told if it fails.
        """
        try:
            self.start(child)
        except FailedError as exc:
            self.refuse(child)
            return result_of(exc.args[0])
        if child.life is None and (child.spec.restart == "temporary" or self.flags.is_dynamic):
            return "ok_undefined"
        self.children[child.id] = child
        return "ok" if child.life is not None else "ok_undefined"

    def answer_calls(self, child: Child, result: str) -> None:
        """
        Answer those who waited for a child to come up.
        """
        for call in child.calls:
            self.world.held.append((call.op, result))
        child.calls.clear()
        child.is_called = False
