"""
Supervisors, groups and pools that are cancelled, and failed, at each of their points.

Whatever happens, all children are gone afterwards, a supervisor that stops takes them down in reverse, and every handle has its
outcome.
"""

import contextlib
import functools
import math

import attrs
import pytest
import trio

import trio_run as tr
from trio_run.supervision import _fence
from trio_run.supervision._shell import Shell
from trio_run.testing import cancel_everywhere, fault_everywhere

STRICT = tr.Budget(restarts=5, per=600)


class Crash(Exception):
    """
    What a child raises that was told to.
    """


EXPECTED = (tr.StartFailed, tr.GaveUp, Crash)


@attrs.define
class World:
    """
    What the children of one run do.
    """

    order: list[str] = attrs.field(factory=list)
    """The names in start order, where the order of the end matters."""

    alive: list[str] = attrs.field(factory=list)
    handles: list[tr.Handle] = attrs.field(factory=list)
    broken: list[str] = attrs.field(factory=list)
    lives: dict[str, int] = attrs.field(factory=dict)

    @contextlib.contextmanager
    def life(self, name):
        """
        One life of a child, and whom it leaves behind if it was stopped.
        """
        self.alive.append(name)
        self.lives[name] = self.lives.get(name, 0) + 1
        stopped = True
        try:
            yield self.lives[name]
        except Exception:
            stopped = False
            raise
        finally:
            self.alive.remove(name)
            if stopped and name in self.order:
                later = self.order[self.order.index(name) + 1 :]
                self.broken += [f"{name} was stopped before {each}" for each in later if each in self.alive]

    def keep(self, handle):
        """
        Have the outcome of a handle asked for in the end.
        """
        self.handles.append(handle)
        return handle

    def child(self, name, *, crashes=(), fails_to_start=(), listens=False, cleanup=1.0, **options):
        """
        A child that takes its time for everything, and crashes in the given lives.
        """

        async def run(*, task_status):
            with self.life(name) as life:
                try:
                    await trio.sleep(0.5)
                    if life in fails_to_start:
                        raise Crash(f"{name} at its start")
                    task_status.started()
                    await trio.sleep(1)
                    if life in crashes:
                        raise Crash(f"{name} at work")
                    await (tr.wait_stopping() if listens else trio.sleep_forever())
                    await trio.sleep(0.2)
                finally:
                    with trio.CancelScope(shield=True):
                        await trio.sleep(cleanup)

        return tr.Child(run, name=name, **options)

    async def job(self, seconds, *, task_status=trio.TASK_STATUS_IGNORED):
        """
        A job that is ready half of the time.
        """
        with self.life("job"):
            await trio.sleep(seconds / 2)
            task_status.started(seconds)
            await trio.sleep(seconds / 2)
        return seconds


async def supervise(world, *children, seconds=6.0, **options):
    """
    Run a supervisor, and ask it to stop.
    """
    shop = tr.Supervisor("shop", *children, **options)
    async with trio.open_nursery() as nursery:
        await nursery.start(shop.run)
        await trio.sleep(seconds)
        with contextlib.suppress(tr.SupervisorNotRunning):
            shop.request_stop()


async def static(world, strategy):
    world.order = ["db", "web", "mail"]
    await supervise(world, *map(world.child, world.order), strategy=strategy, budget=STRICT)


async def crashing(world, strategy):
    world.order = ["db", "web", "mail"]
    db, mail = world.child("db"), world.child("mail", crashes=[2])
    budget = tr.Budget(restarts=9)
    await supervise(world, db, world.child("web", crashes=[1, 2]), mail, strategy=strategy, budget=budget, seconds=12)


async def spent(world, strategy):
    world.order = ["db", "web", "mail"]
    db, web, mail = world.child("db"), world.child("web", crashes=range(99)), world.child("mail")
    with contextlib.suppress(tr.GaveUp):
        await tr.Supervisor("shop", db, web, mail, strategy=strategy, budget=tr.Budget(restarts=2)).run()


async def not_starting(world, strategy):
    world.order = ["db", "web", "mail"]
    db, web, mail = world.child("db"), world.child("web"), world.child("mail", fails_to_start=range(99))
    with contextlib.suppress(tr.StartFailed):
        await tr.Supervisor("shop", db, web, mail, strategy=strategy, budget=STRICT).run()


async def stopping_softly(world):
    world.order = ["db", "web", "mail"]
    patient = world.child("db", listens=True, grace=3)
    hurried = world.child("web", listens=True, grace=0.1)
    await supervise(world, patient, hurried, world.child("mail"), grace=8)


async def nested(world):
    world.order = ["db", "w1", "w2", "web"]
    workers = tr.Supervisor("workers", world.child("w1", listens=True, grace=2), world.child("w2"))
    await supervise(world, world.child("db"), workers, world.child("web"))


async def nested_and_spent(world):
    budget = tr.Budget(restarts=1)
    workers = tr.Supervisor("workers", world.child("w1", crashes=range(99)), world.child("w2"), budget=budget)
    with contextlib.suppress(tr.GaveUp):
        await tr.Supervisor("shop", world.child("db"), workers, world.child("web"), budget=budget).run()


async def dynamic(world):
    async with tr.open_supervisor("shop", world.child("db")) as shop:
        world.keep(await shop.start(world.child("feed")))
        await trio.sleep(1)
        world.keep(await shop.restart("feed"))
        world.keep(shop.start_soon(world.child("mail")))
        await trio.sleep(1)
        await shop.stop("feed")
        await shop.restart("feed")
        await shop.remove("feed")
        world.keep(await shop.start(world.child("feed")))
        await world.keep(shop.start_soon(world.job, 1)).wait()
        assert 2 == await shop.start(world.job, 2)


async def two_who_ask(world):
    async with tr.open_supervisor("shop", world.child("db"), world.child("web", listens=True, grace=2)) as shop:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(shop.stop, "web")
            nursery.start_soon(shop.stop, "web")
            nursery.start_soon(shop.restart, "db")
            nursery.start_soon(shop.restart, "db")
        await shop.remove("db")


async def stopped_from_inside(world):
    world.order = ["db", "web"]

    async def stop():
        await trio.sleep(1)
        shop.request_stop()
        await tr.wait_stopping()

    shop = tr.Supervisor("shop", world.child("db"), tr.Child(stop, grace=1), world.child("web"))
    await shop.run()


async def listening(world):
    async def accept():
        with world.life("accept"):
            with tr.cancel_on_stop():
                await trio.sleep_forever()
            await trio.sleep(0.5)

    async def poll():
        with world.life("poll"):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(tr.wait_stopping)
                while not tr.stopping():
                    await trio.sleep(0.3)

    await supervise(world, tr.Child(accept, grace=2), tr.Child(poll, grace=2), seconds=2)


async def kicked(world):
    async with tr.open_supervisor("shop", world.child("db")) as shop:
        handle = world.keep(await shop.start(world.child("web")))
        for _ in range(2):
            handle.cancel("kicked")
            await trio.sleep(4)


async def group(world):
    async with tr.open_group() as jobs:
        handles = [world.keep(jobs.start_soon(world.job, seconds)) for seconds in (0, 1, 2)]
        assert 1 == await jobs.start(world.job, 1)
        assert 2 == await handles[2].wait()
        late = world.keep(jobs.start_soon(world.job, 5))
        await trio.sleep(1)
        late.cancel("too late")


async def group_on_a_pool(world):
    async with tr.open_pool(2) as pool:
        async with tr.open_group(pool=pool) as jobs:
            handles = [world.keep(jobs.start_soon(world.job, seconds)) for seconds in (0, 1, 2, 3)]
            await trio.sleep(1)
            handles[3].cancel("too late")
        world.keep(pool.start_soon(world.job, 1))


async def pool(world):
    async with tr.open_pool(2, idle_time=0.5) as jobs:
        for seconds in (0, 1, 2):
            world.keep(jobs.start_soon(world.job, seconds))
        assert 1 == await jobs.run(world.job, 1)
        assert 1 == await jobs.start(world.job, 1)
        world.keep(await jobs.submit(world.job, 2))
        await trio.sleep(5)
        world.keep(jobs.submit_nowait(world.job, 1))
        world.keep(await jobs.submit(world.job, 2)).cancel("enough")


async def full_pool(world):
    limiter = trio.CapacityLimiter(1)
    async with tr.open_pool(limiter, max_waiting=1) as jobs, trio.open_nursery() as nursery:

        async def offer():
            world.keep(await jobs.submit(world.job, 1))

        for _ in range(4):
            nursery.start_soon(offer)
        await trio.sleep(0.5)
        limiter.total_tokens = 2


async def limited_group(world):
    async with tr.open_group(limit=1, max_waiting=1) as jobs:
        handles = [world.keep(jobs.start_soon(world.job, seconds)) for seconds in (1, 2)]
        world.keep(await jobs.submit(world.job, 1))
        await trio.sleep(0.5)
        handles[1].cancel("too late")
        await jobs.wait_idle()


async def collecting(world):
    async with tr.open_group(on_failure="collect") as jobs:
        for seconds in (0, 1, 2, 3, 4, 5):
            world.keep(jobs.start_soon(world.job, seconds))


async def mapped(world):
    async with tr.open_pool(2, max_waiting=1) as jobs:
        async with jobs.map(world.job, [2, 1, 1, 3], window=3) as outcomes:
            for _ in range(3):
                world.keep((await anext(outcomes)).handle)


async def with_something(world):
    @contextlib.asynccontextmanager
    async def opened():
        await trio.sleep(1)
        try:
            yield "something"
        finally:
            await trio.lowlevel.checkpoint()

    async with tr.open_pool(1, per_worker=tr.PerWorker(opened)) as jobs:
        for seconds in (0, 1, 2, 3, 4):
            world.keep(jobs.start_soon(world.job, seconds))


STRATEGIES = [*tr.Strategy]
SUPERVISED = [
    *(
        functools.partial(program, strategy=each)
        for program in (static, crashing, spent, not_starting)
        for each in STRATEGIES
    ),
    *(stopping_softly, nested, nested_and_spent, dynamic, two_who_ask, stopped_from_inside, listening, kicked),
]
JOBS = [group, group_on_a_pool, pool, full_pool, limited_group, collecting, mapped, with_something]


def name_of(program):
    """
    How a test is called after a program.
    """
    strategy = getattr(program, "keywords", {}).get("strategy")
    return program.__name__ if strategy is None else f"{program.func.__name__}-{strategy.value}"


def everywhere(tool, program, **options):
    """
    Try *program* with a fresh world for each run, and return the report.
    """
    world = World()

    async def run():
        nonlocal world
        world = World()
        await program(world)

    def check(_result):
        assert [] == world.alive
        assert [] == [handle for handle in world.handles if not handle.done]
        # Who crashed, or was stopped by name, went alone.
        assert not world.broken or program in (dynamic, two_who_ask, kicked), world.broken

    return tool(run, check=check, **options)


@pytest.fixture(autouse=True)
def quiet(caplog):
    """
    Hundreds of crashes are not worth a line each.
    """
    caplog.set_level("CRITICAL", logger="trio_run")


@pytest.mark.parametrize("program", SUPERVISED + JOBS, ids=name_of)
def test_cancelled_everywhere(program):
    """
    Cancelled at any point, it ends in order and leaves nothing behind.
    """
    report = everywhere(cancel_everywhere, program, allow=EXPECTED)
    report.raise_if_found()

    assert 25 < len(report.points)


@pytest.mark.parametrize("program", SUPERVISED, ids=name_of)
@pytest.mark.parametrize("times", [1, math.inf])
def test_a_child_that_crashes_at_each_of_its_points(program, times):
    """
    A child may crash at any point of any of its lives, once or time and again: the rest goes on, or goes down in order.
    """
    report = everywhere(fault_everywhere, program, tasks="shop/*#*", times=times, allow=EXPECTED, patience=600)
    report.raise_if_found()

    assert len(report.points) > 3


@pytest.mark.parametrize("program", SUPERVISED, ids=name_of)
def test_a_fault_in_the_supervisor_itself(program):
    """
    Should one of its own waits ever fail, it goes down and takes all children along.
    """
    report = everywhere(fault_everywhere, program, tasks="*sentinel", allow=EXPECTED)
    report.raise_if_found()

    assert report.points


@pytest.mark.parametrize("program", JOBS, ids=name_of)
def test_a_job_that_fails_everywhere(program):
    """
    A job, or a worker, that fails at any point loses nothing but itself.
    """
    report = everywhere(fault_everywhere, program, tasks="*", allow=(tr.JobCancelled, tr.Closed))
    report.raise_if_found()

    assert len(report.points) > 5


def test_the_tests_bite(monkeypatch):
    """
    Were the sentinel deaf, no cancellation would reach the children behind the fence, and that is found.
    """

    async def deaf(_shell, _grace):
        await trio.sleep_forever()

    monkeypatch.setattr(_fence, "_hear_cancel", deaf)
    report = everywhere(cancel_everywhere, functools.partial(static, strategy="one_for_one"), patience=1)

    assert {"hang"} == {finding.verdict.value for finding in report.findings}


def test_the_invariants_bite(monkeypatch):
    """
    Were all children cancelled at once, some would end before those that need them, and that is found.
    """

    def stop_all(shell, _grace):
        for seat in shell.seats.values():
            seat.cancel("all at once")
        shell.stop(trio.current_time(), "cancelled from outside")

    monkeypatch.setattr(Shell, "stop_cancelled", stop_all)
    report = everywhere(cancel_everywhere, functools.partial(static, strategy="one_for_one"))

    assert {"invariant"} == {finding.verdict.value for finding in report.findings}
