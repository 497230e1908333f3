"""
Scenarios played on real supervisors, and told in the words of a recording.

Each supervisor of a scenario is a `Supervisor`, each other child an async function that does what its plan says. Nothing is
decided here, and no supervisor is looked into. What the children and the callers see is written down where they see it; what
only a supervisor can know, that a life begins and what became of one that ended, is taken from its events.

Time stands still but for the scenario's own seconds. Where a grace or a delay has to pass, it is a moment, and what moments
there were is taken off the next of those seconds, so they never add up to half a second. Where moments pass, a window is half
a second longer: it holds just what OTP's does, which counts whole seconds and both of its ends.
"""

from __future__ import annotations

import collections
import contextlib
import functools
import math
from collections.abc import Callable
from typing import Any

import attrs
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

import trio_run as tr

from .model import NORMAL, Story, home_of, is_bad, path_text
from .recording import DYNAMIC, Advance, Call, Event, Exits, Flags, Op, Path, Plan, Scenario, Spec, Stop
from .translation import Translation

MILLISECOND = 1e-9
"""Seconds that stand for a millisecond in a specification."""

MOST_TURNS = 10_000
"""So many restarts and calls may follow from one thing done."""

MOMENT = 1e-5
"""Seconds between two attempts to start a child."""

SLACK = 0.5
"""Seconds that moments may take together."""

RESTARTS = {
    "permanent": tr.Restart.ALWAYS,
    "transient": tr.Restart.ON_FAILURE,
    "temporary": tr.Restart.NEVER,
}


@attrs.frozen
class Request:
    """
    A call, and whom it is made to: the supervisor of that time, which may have a successor when it is made.
    """

    call: Call
    path: Path
    supervisor: tr.Supervisor | None
    process: tuple[Path, int] | None
    """The child and the life that is meant, where a call is about that."""


class StuckError(AssertionError):
    """
    Supervisors have something to do, and don't.
    """


class NoStartError(Exception):
    """
    A child does not start; the argument is the reason.
    """


class CrashError(Exception):
    """
    A child fails.
    """


@attrs.frozen(kw_only=True)
class Pause(tr.Backoff):
    """
    A delay after each start that failed, so that there is time for calls where OTP has its mailbox.
    """

    has_started: Callable[[], bool]

    def delay(self, failures: int, luck: float) -> float:
        """
        Return a moment, or no time at all after a life that was ready.
        """
        del failures, luck
        return 0.0 if self.has_started() else MOMENT


@attrs.define(eq=False)
class Order:
    """
    What a running child is told to do.
    """

    given: trio.Event = attrs.field(factory=trio.Event)
    reason: str = ""


@attrs.define(eq=False)
class Readiness:
    """
    A task status that knows whether it was used.
    """

    status: Any
    called: bool = False

    def started(self, value: object = None) -> None:
        """
        Pass it on.
        """
        self.called = True
        self.status.started(value)


def play(scenario: Scenario) -> Story:
    """
    Play *scenario* on real supervisors, and tell what happened.
    """
    clock = MockClock()
    player = Player(scenario, clock)
    trio.run(player.run, clock=clock)
    return Story(player.events, sorted(player.answers), frozenset())


class Player:
    """
    One scenario being played.
    """

    def __init__(self, scenario: Scenario, clock: MockClock) -> None:
        self.scenario, self.clock = scenario, clock
        self.events: list[Event] = []
        self.answers: list[tuple[str, str]] = []
        self.held: collections.deque[Request] = collections.deque()
        """Calls to make."""

        self.latest: dict[Path, Path] = {}
        """Who ran last of those that have the same path in events."""

        self.ran: dict[Path, int] = {}
        """The last life of each child that began."""

        self.made: collections.Counter[Path] = collections.Counter()
        self.dead: dict[Path, trio.Event] = {}
        """Supervisors that are being killed, and when they may be gone."""

        self.plans: dict[Path, list[str | Call]] = {}
        self.orders: dict[Path, Order] = {}
        self.supervisors: dict[Path, tr.Supervisor] = {}
        self.root_exit: str | None = None
        self.translation = Translation(self)
        self.seconds = 0
        """Those that the scenario has let pass."""

        self.waits = has_calls(scenario)
        self.slack = SLACK if self.waits or is_stubborn(scenario) else 0.0

    def note(self, e: str, **details: object) -> None:
        """
        Write down an event.
        """
        self.events.append({"e": e, **details})

    async def run(self) -> None:
        """
        Play from start to end.
        """
        with tr.use_sinks(self.translation):
            async with trio.open_nursery() as self.nursery:
                self.nursery.start_soon(self.run_root)
                await self.settle()
                if self.root_exit is not None:
                    self.note("op", op="start_root", res="error", r=self.root_exit)
                    return
                self.note("op", op="start_root", res="ok")
                await self.do_all()
        self.note("root_exit", r=self.root_exit)

    async def do_all(self) -> None:
        """
        Do what the scenario says, as long as there is a root.
        """
        self.take_pictures()
        for op in self.scenario.ops:
            if () not in self.supervisors:
                return
            result = await self.do(op)
            await self.settle()
            self.note("op", op=op.op, res=result)
            self.take_pictures()
        if () in self.supervisors:
            self.note("op", op="final_stop", res="ok")
            self.supervisors[()].request_stop()
            await self.settle()

    async def settle(self) -> None:
        """
        Wait until nothing is left to do, with calls that are due made one at a time.
        """
        for _turn in range(MOST_TURNS):
            await wait_all_tasks_blocked()
            phases = [
                child.phase
                for each in self.supervisors.values()
                for child in each.statistics()
                if not is_at_rest(child)
            ]
            if self.held and "stopping" not in phases:
                self.nursery.start_soon(self.answer_held, self.held.popleft())
            elif phases:
                seconds = trio.lowlevel.current_statistics().seconds_to_next_deadline
                if seconds > 2 * MOMENT:
                    raise StuckError(f"Children are {', '.join(phases)}, and nothing will happen.")
                self.clock.jump(seconds)
                if self.clock.current_time() > self.seconds + SLACK:
                    raise StuckError("So many moments have passed that no window is exact any more.")
            else:
                return
        raise StuckError(f"After {MOST_TURNS} turns there is still no end.")

    # What is done.

    async def do(self, op: Op) -> str:
        """
        Do one thing to the supervisors.
        """
        match op:
            case Stop():
                self.supervisors[()].request_stop()
            case Advance(seconds=seconds):
                self.seconds += seconds
                self.clock.jump(max(0.0, self.seconds - self.clock.current_time()))
            case Plan(path=path, outcomes=outcomes):
                self.plans[path] = list(outcomes)
            case Exits(exits=exits):
                return await self.let_exit(exits)
            case Call():
                answers: list[str] = []
                self.nursery.start_soon(self.answer, self.request(op, self.latest.get(op.path, op.path)), answers)
                await self.settle()
                return answers[0] if answers else "no answer"
        return "ok"

    async def answer(self, request: Request, answers: list[str]) -> None:
        """
        Make a call, and keep what comes of it.
        """
        answers.append(await self.call(request))

    async def let_exit(self, exits: tuple[tuple[Path, str], ...]) -> str:
        """
        Have children end, all in one moment; a supervisor only if it is killed, and what is below it has no say then.
        """
        going: list[Callable[[], None]] = []
        for home, reason in exits:
            path = self.latest.get(home, home)
            if any(path[: len(each)] == each for each in self.dead):
                continue
            if path in self.orders:
                order = self.orders.pop(path)
                order.reason = reason
                going.append(functools.partial(self.kill, path) if reason == "killed" else order.given.set)
            elif path and path in self.supervisors and reason == "killed":
                going.append(self.dead.setdefault(path, trio.Event()).set)
                self.kill(path)
            else:
                continue
            self.note("exit", p=path_text(path), n=self.translation.lives[path], r=reason)
        if self.dead:
            await wait_all_tasks_blocked()
            self.dead.clear()
        for go in going:
            go()
        return "ok" if going else "not_running"

    def kill(self, path: Path) -> None:
        """
        Cancel the scope of a child, as somebody who holds its handle might.
        """
        self.supervisors[path[:-1]].get(path[-1]).cancel("killed")

    def request(self, call: Call, path: Path) -> Request:
        """
        Know whom a call is made to, if it is made to the supervisor at *path*.
        """
        child = self.latest.get((*home_of(path), call.id))
        process = None if child is None or child not in self.ran else (child, self.ran[child])
        return Request(call, path, self.supervisors.get(path), process)

    def began(self, path: Path) -> None:
        """
        Know that a life of a child runs.
        """
        self.ran[path] = self.translation.lives[path]
        self.latest[home_of(path)] = path

    def hold(self, path: Path, call: Call) -> None:
        """
        Keep a call that the child at *path* wants made, to its supervisor, when its start has failed.
        """
        self.held.append(self.request(call, path[:-1]))

    async def answer_held(self, request: Request) -> None:
        """
        Make a call that was kept.
        """
        self.answers.append((request.call.op, await self.call(request)))

    async def call(self, request: Request) -> str:
        """
        Make a call, and put what comes of it in OTP's words.
        """
        call, supervisor = request.call, request.supervisor
        if supervisor is None or supervisor is not self.supervisors.get(request.path):
            return "noproc"
        flags = self.translation.flags[request.path]
        try:
            if call.op.endswith("_dyn") or flags.is_dynamic:
                return await self.call_dynamic(request, supervisor, flags)
            return await self.call_static(request, supervisor)
        except tr.StartFailed as exc:
            return result_of(exc)
        except tr.SupervisorNotRunning:
            return "noproc"

    async def call_static(self, request: Request, supervisor: tr.Supervisor) -> str:
        """
        Make a call about a child that has a specification of its own.
        """
        call, path = request.call, (*request.path, request.call.id)
        if call.op == "start" and call.spec is not None:
            return await self.start(supervisor, path, call.spec)
        child = next((child for child in supervisor.statistics() if child.name == call.id), None)
        if child is None:
            return "not_found"
        if call.op == "terminate":
            await supervisor.stop(call.id)
            return "ok"
        if child.phase != "down":
            return "running"
        if call.op == "delete":
            await supervisor.remove(call.id)
            return "ok"
        with contextlib.nullcontext() if child.wanted else self.translation.by_hand(path):
            await supervisor.restart(call.id)
        return self.is_up(path)

    async def call_dynamic(self, request: Request, supervisor: tr.Supervisor, flags: Flags) -> str:
        """
        Make a call about a child that is made by a template, or any to a supervisor whose children are.
        """
        call, home = request.call, (*home_of(request.path), request.call.id)
        if not flags.is_dynamic:
            return "other" if call.op == "start_dyn" else "not_found"
        if call.op == "start_dyn" and flags.template is not None:
            self.made[home] += 1
            number = self.made[home]
            path = (*request.path, call.id if number == 1 else f"{call.id}~{number}")
            return await self.start(supervisor, path, flags.template)
        if call.op in {"start", "start_dyn"}:
            return "raise"
        if call.op != "terminate_dyn" or request.process is None:
            return DYNAMIC
        path, life = request.process
        if any((*request.path, child.name) == path for child in supervisor.statistics()) and self.ran[path] == life:
            await supervisor.stop(path[-1])
        return "ok"

    def is_up(self, path: Path) -> str:
        """
        Put in a word whether a child that was started came up, though it may have had to go in the same moment.
        """
        return "ok" if path in self.translation.ready else "ok_undefined"

    async def start(self, supervisor: tr.Supervisor, path: Path, spec: Spec) -> str:
        """
        Start a new child.
        """
        if is_bad(spec, self.translation.flags[path[:-1]].auto_shutdown):
            try:
                await supervisor.start(self.make_child(path, spec))
            except ValueError:
                return "bad_combination"
        try:
            with self.translation.by_hand(path), self.translation.new_spec(path, spec):
                await supervisor.start(self.make_child(path, spec))
        except tr.DuplicateChild as exc:
            return "already_started" if exc.state == "up" else "already_present"
        return self.is_up(path)

    def take_pictures(self) -> None:
        """
        Write down how all supervisors stand.
        """
        for path, supervisor in sorted(self.supervisors.items()):
            if self.latest[home_of(path)] != path:
                continue
            names = [child.name for child in supervisor.statistics()]
            states: list[list[object]] = []
            nested = 0
            is_dynamic = self.translation.flags[path].is_dynamic
            for name in reversed(names):
                child = (*path, name)
                up = child in self.orders or child in self.supervisors
                if up or not is_dynamic:
                    states.append([home_of((name,))[0], self.translation.lives[child] if up else "down"])
                    nested += self.translation.specs[child].is_supervisor
            active = sum(state != "down" for _name, state in states)
            counts = [1 if is_dynamic else len(states), active, nested, len(states) - nested]
            self.note("snap", s=path_text(path), ch=states, cnt=counts)

    # Supervisors and children.

    def make_supervisor(self, path: Path, flags: Flags, specs: tuple[Spec, ...]) -> tr.Supervisor:
        """
        Make a supervisor with its first children.
        """
        keywords: dict[str, Any] = {}
        if flags.is_dynamic and len(specs) + (flags.template is not None) != 1:
            raise NoStartError("bad_start_spec")
        if flags.is_dynamic and any(is_bad(spec, flags.auto_shutdown) for spec in [*specs, flags.template] if spec):
            raise NoStartError("start_spec")
        if flags.is_dynamic:
            specs, keywords["start_order"] = (), "parallel"
        self.translation.new_life(path, flags, specs)
        if flags.auto_shutdown != "never":
            keywords["exit_when"] = flags.auto_shutdown
        return tr.Supervisor(
            "root",
            *(self.make_child((*path, spec.id), spec) for spec in specs),
            strategy="one_for_one" if flags.is_dynamic else flags.strategy,
            budget=tr.Budget(restarts=flags.intensity, per=flags.period + self.slack),
            backoff=tr.Backoff(first=0.0, max=0.0),
            **keywords,
        )

    def make_child(self, path: Path, spec: Spec) -> tr.Child:
        """
        Make a child that lives as its specification says.
        """
        graces: dict[int | str, float] = {"infinity": math.inf, "brutal_kill": 0.0}
        grace = graces[spec.shutdown] if isinstance(spec.shutdown, str) else spec.shutdown * MILLISECOND
        return tr.Child(
            functools.partial(self.live if spec.flags is None else self.supervise, path, spec),
            name=path[-1],
            restart=RESTARTS[spec.restart],
            grace=grace,
            backoff=Pause(stable_after=0.0, has_started=lambda: path in self.translation.ready) if self.waits else None,
            **({"significant": True} if spec.significant else {}),
        )

    def begin(self, path: Path) -> None:
        """
        Start as planned, which may be not at all.
        """
        outcome = self.translation.outcomes.pop(path)
        if isinstance(outcome, Call):
            raise NoStartError("boom")
        if outcome == "ignore":
            raise tr.Ignore
        if outcome != "ok":
            raise NoStartError("raise" if outcome == "raise" else "boom")

    async def live(self, path: Path, spec: Spec, *, task_status: trio.TaskStatus[None]) -> None:
        """
        Run until told to end, or asked to stop.
        """
        self.begin(path)
        order = self.orders[path] = Order()
        life = self.translation.lives[path]
        reason = "killed"
        task_status.started()
        try:
            with tr.cancel_on_stop() as asked:
                await order.given.wait()
            reason = order.reason
            if asked.cancelled_caught:
                reason = "killed"
                self.note("stop", p=path_text(path), n=life, r="shutdown")
                if spec.on_stop == "stubborn":
                    await trio.sleep_forever()
                reason = "shutdown" if spec.on_stop == "graceful" else spec.on_stop.removeprefix("exit:")
        except trio.Cancelled:
            if not order.reason:
                self.note("kill", p=path_text(path), n=life)
            raise
        finally:
            self.orders.pop(path, None)
            self.translation.reasons[path] = reason
        if reason not in NORMAL:
            raise CrashError(reason)

    async def supervise(self, path: Path, spec: Spec, *, task_status: trio.TaskStatus[None]) -> None:
        """
        Run a supervisor below another.
        """
        self.begin(path)
        assert spec.flags is not None
        await self.run_supervisor(path, spec.flags, spec.specs, task_status)

    async def run_root(self) -> None:
        """
        Run the supervisor that all is about.
        """
        try:
            await self.run_supervisor((), self.scenario.flags, self.scenario.specs, trio.TASK_STATUS_IGNORED)
        except Exception as exc:  # noqa: BLE001 - put in a word
            self.root_exit = reason_of(exc)
        else:
            self.root_exit = "shutdown"

    async def run_supervisor(self, path: Path, flags: Flags, specs: tuple[Spec, ...], task_status: Any) -> None:
        """
        Run a supervisor until it ends, and write down how it did.
        """
        self.latest[home_of(path)] = path
        readiness, reason = Readiness(task_status), "shutdown"
        try:
            try:
                supervisor = self.make_supervisor(path, flags, specs)
            except ValueError:
                raise NoStartError("start_spec") from None
            self.supervisors[path] = supervisor
            await supervisor.run(task_status=readiness)
        except Exception as exc:
            reason = reason_of(exc)
            raise
        except BaseException:
            reason = "killed"
            if path in self.dead:  # It takes a while to go; who goes in the same moment waits for it.
                with trio.CancelScope(shield=True):
                    await self.dead[path].wait()
            raise
        finally:
            self.supervisors.pop(path, None)
            self.translation.reasons[path] = reason
            if readiness.called:
                for complaint, count in self.translation.complaints.get(path, {}).items():
                    self.note("report", s=path_text(path), c="shutdown_error", nb=count, r=complaint)
                self.note("sup_exit", p=path_text(path), r=reason)


def is_at_rest(child: tr.ChildStatus) -> bool:
    """
    Tell whether a child is where it should be.
    """
    return child.phase == "up" or (child.phase == "down" and not child.wanted)


def reason_of(exc: Exception) -> str:
    """
    Put what a supervisor raised in one word.
    """
    if isinstance(exc, tr.GaveUp):
        return "gave_up"
    first = exc.exceptions[0] if isinstance(exc, ExceptionGroup) else exc
    if isinstance(first, tr.StartFailed) and isinstance(first.path, str):
        return f"failed_to_start:{first.path.rpartition('/')[2]}"
    if isinstance(first, NoStartError) and first is exc:
        return str(first)
    return "failed_to_stop"


def result_of(exc: tr.StartFailed) -> str:
    """
    Put the failure of a call in one word.
    """
    cause = exc.__cause__
    assert isinstance(cause, Exception)
    if isinstance(cause, tr.JobCancelled):
        return "stopped"
    reason = reason_of(cause)
    return "sup_start_failed" if reason.startswith("failed_to_start") else reason


def has_calls(scenario: Scenario) -> bool:
    """
    Tell whether calls are made while children start.
    """
    return "Call(" in repr((scenario.flags, scenario.specs)) or any(
        isinstance(outcome, Call) for op in scenario.ops if isinstance(op, Plan) for outcome in op.outcomes
    )


def is_stubborn(scenario: Scenario) -> bool:
    """
    Tell whether a grace has to pass somewhere.
    """
    return "on_stop='stubborn'" in repr(scenario)
