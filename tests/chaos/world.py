"""
A tree of children that do as they like, and people who give orders, all drawn from one seed.

Here is what children do and what people ask for; what must hold is for `laws`.
"""

from __future__ import annotations

import collections
import math
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import attrs
import trio

import trio_run as tr

from .laws import Child as Known
from .laws import CrashError, Laws

REFUSALS = (
    tr.ChildNotFound,
    tr.DuplicateChild,
    tr.TooManyChildren,
    tr.WouldDeadlock,
    ValueError,
)
"""What is raised before anything is ordered."""

ANSWERS = (*REFUSALS, tr.StartFailed, tr.SupervisorNotRunning)
"""What a call may raise."""


class Fatal(BaseException):
    """
    What no supervisor may hold.
    """


@attrs.define(eq=False, repr=False)
class World:
    """
    The children of one tree, and what they are up to.
    """

    random: random.Random
    laws: Laws
    calm: bool = False
    """Whether all behave from now on."""

    young: bool = True
    """Whether the tree is still to come up, and every start succeeds."""

    surely_up: bool = True
    """Whether the tree comes up in any case."""

    plans: dict[str, tr.Supervisor] = attrs.field(factory=dict)
    running: collections.Counter[str] = attrs.field(factory=collections.Counter)
    most: int = 0
    fatal: BaseException | None = None
    """What the next child raises that has a say."""

    worst: BaseException | None = None
    """What was raised that no supervisor may hold."""

    answers: collections.Counter[str] = attrs.field(factory=collections.Counter)
    beats: set[str] = attrs.field(factory=set)
    """Who has to give signs of life."""

    hung: list[str] = attrs.field(factory=list)
    _numbers: collections.Counter[str] = attrs.field(factory=collections.Counter)

    @property
    def good(self) -> bool:
        """
        Whether nobody misbehaves.
        """
        return self.calm or self.young

    # The tree.

    def tree(self, name: str, children: int) -> tr.Supervisor:
        """
        A supervisor of about that many children in all, in three tiers, that never gives up.
        """
        wide = math.ceil(children ** (1 / 3))
        plan = [self.team(name, f"team-{number}", depth=2, most=wide) for number in range(wide)]
        plan += [self.child(name, f"solo-{number}") for number in range(children // 20)]
        budget = tr.Budget(restarts=math.inf)
        self.laws.plans[name] = self.plans[name] = tr.Supervisor(name, *plan, budget=budget)
        return self.plans[name]

    def team(self, above: str, name: str, *, depth: int, most: int) -> tr.Child:
        """
        A child of *above* that is a supervisor with any rules, and may have others below.
        """
        r = self.random
        path = f"{above}/{name}"
        names: list[str] = []
        plan: list[tr.Child] = []
        exit_when = (
            tr.ExitWhen(r.choice(["never"] * 6 + ["first_exit", "all_done", "any_significant"]))
            if depth == 1
            else "never"
        )
        for number in range(r.randint(most // 2, most)):
            parallel = r.random() < 0.3
            after = r.sample(names, min(len(names), r.randint(1, 2))) if parallel else None
            significant = exit_when == tr.ExitWhen.ANY_SIGNIFICANT and r.random() < 0.3
            plan.append(self.child(path, f"c{number}", after=after, significant=significant))
            names.append(f"c{number}")
        if depth > 1:
            plan += [self.team(path, f"sub-{number}", depth=depth - 1, most=most) for number in range(most)]
            r.shuffle(plan)
        self.laws.plans[path] = self.plans[path] = tr.Supervisor(
            name,
            *plan,
            strategy=r.choice(list(tr.Strategy)) if depth == 1 else tr.Strategy.ONE_FOR_ONE,
            budget=tr.Budget(
                restarts=r.choice([5, 10, 20]), per=r.choice([10.0, 60.0]), in_a_row=r.choice([4, math.inf])
            ),
            backoff=tr.Backoff(first=0.1, max=r.choice([0.4, 1.0]), stable_after=r.choice([5.0, 30.0])),
            start_order=r.choice(list(tr.StartOrder)),
            exit_when=exit_when,
            max_children=r.choice([math.inf, 3 * most + 20]),
            grace=r.choice([math.inf, 20.0]),
        )
        return tr.Child(self.plans[path], restart=r.choice(["always", "always", "on_failure"]))

    def child(
        self,
        above: str,
        name: str | None = None,
        *,
        after: list[str] | None = None,
        once: bool = False,
        significant: bool = False,
    ) -> tr.Child:
        """
        A child of *above* with any rules.
        """
        r = self.random
        if name is None:
            self._numbers[above] += 1
            name = f"n{self._numbers[above]}"
        restart = tr.Restart.NEVER if once else r.choices(list(tr.Restart), [0, 8, 1] if significant else [8, 4, 1])[0]
        lasting = restart is not tr.Restart.NEVER
        own = None
        if lasting and r.random() < 0.3:
            own = tr.Budget(restarts=r.choice([1, 3, math.inf]), per=r.choice([20.0, 60.0]), in_a_row=r.choice([2, 3]))
        kind = r.choices([self.leaf, self.hasty, self.block], [8, 2, 1])[0]
        beat = 4.0 if kind is self.leaf and r.random() < 0.1 else math.inf
        (self.beats.add if beat < math.inf else self.beats.discard)(f"{above}/{name}")
        check = tr.Probe(self.probe, every=5.0, timeout=0.5, failures=2) if r.random() < 0.1 else None
        return tr.Child(
            kind,
            f"{above}/{name}",
            r.random(),  # So that no two are the same.
            name=name,
            restart=restart,
            grace=r.choice([0.0, 1.0, 5.0]),
            budget=own,
            on_give_up=r.choice(list(tr.OnGiveUp)) if own else "escalate",
            backoff=tr.Backoff(first=0.3, max=0.9, stable_after=10.0) if r.random() < 0.1 else None,
            start_timeout=r.choice([3.0, math.inf]),
            beat=beat,
            probe=check,
            max_age=r.choice([30.0, 100.0]) if lasting and r.random() < 0.1 else None,
            after=after,
            significant=significant,
            classify=self.classify if r.random() < 0.2 else None,
        )

    def classify(self, error: Exception) -> str:
        """
        Say what an error means: always the same for the same one.
        """
        if not isinstance(error, CrashError) or self.calm:
            return "restart"
        return ["restart", "restart", "restart", "stop", "escalate"][error.serial % 5 if error.serial % 3 else 0]

    async def probe(self) -> object:
        """
        Ask after a child; nobody knows what it is.
        """
        roll = self.random.random()
        await trio.sleep(2.0 if roll < 0.05 and not self.good else 0.01)
        if roll > 0.9 and not self.good:
            raise OSError("no answer")
        return roll < 0.85 or self.good

    # What children do.

    @contextmanager
    def living(self, path: str) -> Iterator[None]:
        """
        Count a life.
        """
        self.running[path] += 1
        if self.running[path] > 1:
            self.laws.broke(path, "two lives at one time")
        self.most = max(self.most, len(self.running))
        self.laws.again.discard(path)
        self.laws.over.discard(path)
        try:
            yield
        finally:
            self.running[path] -= 1
            if not self.running[path]:
                del self.running[path]

    async def hasty(self, path: str, _salt: float) -> None:
        """
        A child that is ready at once.
        """
        with self.living(path):
            await self.work(path)

    async def leaf(self, path: str, _salt: float, *, task_status: trio.TaskStatus[None]) -> None:
        """
        A child that takes its time to start, and may never do so.
        """
        with self.living(path):
            await self.tidily(path, lambda: self.start(path, task_status))
            await self.work(path)

    async def start(self, path: str, task_status: trio.TaskStatus[None]) -> None:
        """
        Become ready, or not.
        """
        r = self.random
        await trio.sleep(r.choice([0.0, 0.0, 0.1, 0.01 if self.young else r.uniform(0, 2)]))
        roll = 1.0 if self.good else r.random()
        if roll < 0.02:
            raise self.laws.crash(path)
        if roll < 0.025:
            raise tr.Ignore
        if roll < 0.03:
            await trio.sleep(r.choice([4.0, 20.0]))
        task_status.started()

    async def block(self, path: str, _salt: float, *, task_status: trio.TaskStatus[None]) -> None:
        """
        A child that runs a supervisor of its own for a while, cancels it from outside, and makes another.
        """
        with self.living(path):
            for turn in range(10):
                inner = f"{path}/block"
                plan = [self.child(inner, f"b{number}") for number in range(self.random.randint(1, 3))]
                strategy = self.random.choice(list(tr.Strategy))
                supervisor = self.laws.plans[inner] = tr.Supervisor("block", *plan, strategy=strategy)
                with trio.move_on_after(math.inf if self.good else self.random.uniform(0, 60)):
                    try:
                        await supervisor.run(task_status=trio.TASK_STATUS_IGNORED if turn else task_status)
                    except BaseException as exc:
                        self.laws.raised(inner, exc)
                        raise
                    self.laws.raised(inner, None)
                if not turn:
                    await self.never_ready(task_status)

    async def never_ready(self, task_status: trio.TaskStatus[None]) -> None:
        """
        Become ready if the first block did not last until then.
        """
        try:
            task_status.started()
        except RuntimeError:
            await trio.lowlevel.checkpoint()

    async def work(self, path: str) -> None:
        """
        Work until something happens.
        """
        await self.tidily(path, lambda: self.labour(path))

    async def labour(self, path: str) -> None:
        """
        Do something until it is enough, or a stop is asked for.
        """
        r = self.random
        listens = r.random() < 0.5
        enough = trio.current_time() + (math.inf if self.calm else 60.0 * self.young + r.expovariate(1 / 40))
        faint = not self.good and r.random() < 0.02  # And gives no sign of life.
        while trio.current_time() < enough:
            with trio.move_on_after(min(3.0 if path in self.beats else 20.0, enough - trio.current_time())):
                if listens:
                    await tr.wait_stopping()
                    await self.drain(path)
                    return
                await trio.sleep_forever()
            if not faint:
                tr.beat()
            if self.fatal is not None:
                self.worst, self.fatal = self.fatal, None
                raise self.worst
            if self.calm:
                enough = math.inf
        await self.end(path)

    async def drain(self, path: str) -> None:
        """
        Go, after some time.
        """
        await trio.sleep(self.random.choice([0.0, 0.0, 0.5, self.random.uniform(0, 8)]))
        if not self.calm and self.random.random() < 0.1:
            raise self.laws.crash(path)

    async def end(self, path: str) -> None:
        """
        End in one of the ways there are.
        """
        roll = self.random.random()
        if roll < 0.5:
            raise self.laws.crash(path)
        if roll < 0.55:
            raise ExceptionGroup("two at once", [self.laws.crash(path), ValueError("and another")])
        if roll < 0.7:
            return
        if roll < 0.73:
            self.laws.over.add(path)
            raise tr.Done
        if roll < 0.83:
            self.laws.again.add(path)
            raise tr.RestartAfter(self.random.choice([0.0, 1.0, 5.0]))
        if roll < 0.84:
            raise tr.Escalate(self.laws.crash(path))
        if roll < 0.87:
            raise await stray()
        await self.meddle(path)
        raise self.laws.crash(path)

    async def tidily(self, path: str, do: Callable[[], object]) -> None:
        """
        Do something, and clean up when cancelled: mostly at once, sometimes for long, and sometimes with an error.
        """
        try:
            await do()  # type: ignore[misc]
        except trio.Cancelled:
            roll = self.random.random()
            if roll < 0.2:
                with trio.CancelScope(shield=True):
                    await trio.sleep(25.0 if roll < 0.002 else self.random.uniform(0, 1))
            if 0.97 < roll < 0.98 and not self.calm:
                return  # It was told to go, and thinks it did.
            if roll > 0.98 and not self.calm:
                raise self.laws.crash(path) from None
            raise

    # What people ask for.

    async def person(self, seconds: float) -> None:
        """
        Give orders, some of them impatiently, for ever.
        """
        while True:
            await trio.sleep(self.random.expovariate(1 / seconds))
            if not self.young:
                await self.meddle("")

    async def meddle(self, _path: str) -> None:
        """
        Give one order to any supervisor.
        """
        if self.calm:
            await trio.sleep(0)
            return
        above = self.random.choice([path for path in self.plans if path in self.laws.runs] or list(self.plans))
        patience = self.random.choice([0.0, 0.5, 5.0, 60.0])
        with trio.move_on_after(patience):
            await self.order(above)

    async def order(self, above: str) -> None:
        """
        Give an order to the supervisor *above*.
        """
        supervisor = self.plans[above]
        now = supervisor.statistics()
        leaves = [each.name for each in now if f"{above}/{each.name}" not in self.plans]
        name = self.random.choice(
            [*leaves, "nobody"] if self.random.random() < 0.9 else [each.name for each in now] or ["?"]
        )
        down = [each.name for each in now if not each.wanted]
        verbs = [
            "stop",
            "restart",
            "replace",
            "cancel",
            "wait_ready",
            "wait_exit",
            "picture",
            "request_stop",
            "reconfigure",
        ]
        verbs += ["start", "start_soon", "once"] * (2 if len(now) < len(supervisor.plan) + 3 else 0)
        verbs += ["remove"] * (1 if len(now) <= len(supervisor.plan) else 4)
        verbs += ["revive"] * 6 if down else []
        verb = self.random.choice(verbs)
        if verb == "revive":
            verb, name = "restart", self.random.choice(down)
        if verb == "request_stop" and (above.count("/") == 0 or self.random.random() < 0.8):
            return
        if verb == "remove" and f"{above}/{name}" in self.plans:
            return
        await self.say(verb, above, name)

    async def say(self, verb: str, above: str, name: str) -> None:  # noqa: C901, PLR0912 - one case for each order
        """
        Give an order, tell the laws of it, and take the answer.
        """
        supervisor = self.plans[above]
        wishes: dict[str, Known | None] = {}

        def note(what: str, which: str) -> None:
            now = trio.current_effective_deadline() > -math.inf  # Else nothing will be ordered.
            if now and any(each.name == which for each in supervisor.statistics()):
                wishes.setdefault(f"{above}/{which}", self.laws.wish(f"{above}/{which}"))
                self.laws.ordered(what, f"{above}/{which}")

        try:
            match verb:
                case "stop" | "restart" | "remove":
                    note(verb, name)
                    await getattr(supervisor, verb)(name)
                case "replace":
                    if f"{above}/{name}" in self.plans:
                        return
                    note(verb, name)
                    await supervisor.replace(name, self.child(above, name))
                case "reconfigure":
                    await self.reconfigure(above, note)
                case "start":
                    await supervisor.start(self.child(above))
                case "start_soon":
                    supervisor.start_soon(self.child(above))
                case "once":
                    supervisor.start_soon(self.child(above, once=True))
                case "cancel":
                    supervisor.get(name).cancel("a person")
                case "wait_ready" | "wait_exit":
                    await getattr(supervisor, verb)(name)
                case "picture":
                    supervisor.snapshot()
                case "request_stop":
                    supervisor.request_stop("a person")
            answer = "ok"
        except ANSWERS as exc:
            answer = type(exc).__name__
            if isinstance(exc, REFUSALS):
                for path, wish in wishes.items():
                    self.laws.refused(path, wish)
        except ExceptionGroup as group:
            answer = "StartFailed"
            if verb != "reconfigure" or group.split(tr.StartFailed)[1] is not None:
                raise
        self.answers[f"{verb}: {answer}"] += 1

    async def reconfigure(self, above: str, note: Callable[[str, str], None]) -> None:
        """
        Have other children: without one, with a new one, with one changed, and in another order.
        """
        r = self.random
        supervisor = self.plans[above]
        old = [each for each in supervisor.children if each.restart is not tr.Restart.NEVER]
        fixed = [each for each in old if f"{above}/{each.name}" in self.plans]
        loose = [each for each in old if each not in fixed]
        gone = [loose.pop(r.randrange(len(loose)))] if loose and r.random() < 0.5 else []
        changed = [loose.pop(r.randrange(len(loose)))] if loose and r.random() < 0.5 else []
        new = [self.child(above)] if r.random() < 0.5 else []
        names = {each.name for each in (*fixed, *loose, *changed, *new)}
        plan = [*fixed, *loose, *new, *(self.child(above, each.name) for each in changed)]
        if any(not set(each.rules.after or ()) <= names for each in plan):
            return
        r.shuffle(plan)
        for each in gone:
            note("remove", each.name)
        for each in changed:
            note("replace", each.name)
        for each in (*fixed, *loose):
            wish = self.laws.wish(f"{above}/{each.name}")
            if wish is not None and wish.leaving:
                note("replace", each.name)  # It was on its way out, and is to stay.
        self.laws.rearranged(above)
        await supervisor.reconfigure(plan)


async def stray() -> BaseException:
    """
    A Cancelled that nobody sent.
    """
    with trio.CancelScope() as scope:
        scope.cancel()
        try:
            await trio.lowlevel.checkpoint()
        except trio.Cancelled as exc:
            return exc
    raise AssertionError
