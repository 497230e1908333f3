"""
Small programs that use trio_run, to be run on many schedules: each states what holds whatever the order.
"""

import contextlib

import trio

from trio_run import (
    Backoff,
    Budget,
    Child,
    DuplicateChild,
    JobCancelled,
    StartFailed,
    State,
    Supervisor,
    SupervisorNotRunning,
    open_supervisor,
)
from trio_run.errors import ChildNotFound

STEADY = Backoff(jitter=0)


class Service:
    """
    A runner that knows how many of it run, and complains if there are two.
    """

    def __init__(self, *, steps_to_ready=1, fails_on=(), ends=None):
        self.steps_to_ready, self.fails_on, self.ends = steps_to_ready, fails_on, ends
        self.running = self.lives = self.ready = 0

    async def run(self, *, task_status=trio.TASK_STATUS_IGNORED):
        assert self.running == 0, "two lives at once"
        self.running += 1
        self.lives += 1
        life = self.lives
        try:
            for _ in range(self.steps_to_ready):
                await trio.lowlevel.checkpoint()
            self.ready += 1
            task_status.started(life)
            if life in self.fails_on:
                await trio.lowlevel.checkpoint()
                raise OSError(life)
            await trio.sleep_forever()
        finally:
            with trio.CancelScope(shield=True):
                await trio.lowlevel.checkpoint()
            self.running -= 1


def leaves(error):
    """
    The errors that are in *error*, without their groups.
    """
    if isinstance(error, BaseExceptionGroup):
        return [leaf for each in error.exceptions for leaf in leaves(each)]
    return [error]


@contextlib.contextmanager
def allowing(*kinds):
    """
    Let the block raise errors of these kinds, in groups or not.
    """
    try:
        yield
    except Exception as exc:
        if not all(isinstance(leaf, kinds) for leaf in leaves(exc)):
            raise


async def run_beside(supervisor, *tasks):
    """
    Run *supervisor* with *tasks* beside it; once they are done, stop it.
    """
    async with trio.open_nursery() as nursery:
        await nursery.start(supervisor.run)
        async with trio.open_nursery() as beside:
            for task in tasks:
                beside.start_soon(task)
        with contextlib.suppress(SupervisorNotRunning):
            supervisor.request_stop()


async def stop_while_starting():
    """
    A stop comes while a child starts: who started it is told, and nothing is left.
    """
    service = Service(steps_to_ready=3)
    supervisor = Supervisor("shop", Service())
    told = []

    async def start():
        try:
            told.append(await supervisor.start(Child(service.run, name="late")))
        except (StartFailed, SupervisorNotRunning) as exc:
            told.append(exc)

    async def stop():
        await trio.lowlevel.checkpoint()
        supervisor.request_stop()

    await run_beside(supervisor, start, stop)
    assert len(told) == 1
    assert service.running == 0


async def two_restarts():
    """
    Two callers restart one child: both get the handle of a child that is up, and no two lives overlap.
    """
    service = Service()
    supervisor = Supervisor("shop", Child(service.run, name="db"))

    async def restart():
        handle = await supervisor.restart("db")
        assert not handle.done
        assert handle.state is State.RUNNING

    await run_beside(supervisor, restart, restart)
    assert service.running == 0
    assert 2 <= service.lives <= 3


async def remove_and_add():
    """
    A child is removed while another takes its name: the new one is up at the end, or was refused.
    """
    old, new = Service(), Service()
    supervisor = Supervisor("shop", Child(old.run, name="db"))
    added = []

    async def remove():
        with contextlib.suppress(ChildNotFound):
            await supervisor.remove("db")

    async def add():
        for _ in range(4):
            with contextlib.suppress(DuplicateChild):
                added.append(await supervisor.start(Child(new.run, name="db")))
                assert new.running == 1
                assert old.running == 0
                return
            await trio.lowlevel.checkpoint()

    async def both():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(remove)
            nursery.start_soon(add)
        names = [status.name for status in supervisor.statistics()]
        assert names == (["db"] if added and new.running else [])

    await run_beside(supervisor, both)
    assert old.running == new.running == 0


async def fails_as_it_stops():
    """
    A child fails at the moment the supervisor is asked to stop: the run ends, with that error or none.
    """
    service = Service(fails_on={1})
    supervisor = Supervisor("shop", Service(), Child(service.run, name="db"), backoff=STEADY)

    async def stop():
        await trio.lowlevel.checkpoint()
        supervisor.request_stop()

    with allowing(OSError):
        await run_beside(supervisor, stop)
    assert service.running == 0


async def cancelled_while_booting():
    """
    The run is cancelled from outside at any moment of its start: every child that began has ended.
    """
    services = [Service(steps_to_ready=2), Service(steps_to_ready=2)]
    supervisor = Supervisor("shop", *(Child(each.run, name=f"c{n}") for n, each in enumerate(services)))

    async with trio.open_nursery() as nursery:
        with trio.CancelScope() as scope:
            nursery.start_soon(cancel_later, scope)
            await supervisor.run()
    assert scope.cancelled_caught
    assert [0, 0] == [each.running for each in services]
    assert supervisor.statistics() == ()


async def cancel_later(scope):
    for _ in range(3):
        await trio.lowlevel.checkpoint()
    scope.cancel(reason="the test")


async def stopped_while_booting():
    """
    The supervisor is asked to stop while it starts: it ends without an error, and every child that began has ended.
    """
    services = [Service(steps_to_ready=2), Service(steps_to_ready=2)]
    supervisor = Supervisor("shop", *(Child(each.run, name=f"c{n}") for n, each in enumerate(services)))

    async def stop():
        for _ in range(3):
            await trio.lowlevel.checkpoint()
        with contextlib.suppress(SupervisorNotRunning):
            supervisor.request_stop()
            return
        asked.append(False)

    asked = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stop)
        with trio.move_on_after(5) as limit:
            await supervisor.run()
    assert limit.cancelled_caught == bool(asked)
    assert [0, 0] == [each.running for each in services]


async def leaves_as_it_gives_up():
    """
    A block is left while its supervisor gives up: the verdict leaves the block, or the block ends in peace.
    """
    service = Service(fails_on={1, 2})
    with allowing(OSError):
        async with open_supervisor("shop", Child(service.run, name="db"), budget=Budget(restarts=1), backoff=STEADY):
            for _ in range(6):
                await trio.lowlevel.checkpoint()
    assert service.running == 0


async def handle_and_restart():
    """
    Who waits for a handle hears of the end of the child, not of a restart.
    """
    service = Service(fails_on={1})
    supervisor = Supervisor("shop", backoff=STEADY)
    heard = []

    async def wait(handle):
        try:
            await handle.wait()
        except (JobCancelled, OSError) as exc:  # The error of the life that was stopped, if it failed by itself.
            heard.append(exc)

    async def work():
        handle = supervisor.start_soon(Child(service.run, name="db"))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait, handle)
            await supervisor.restart("db")
            assert not heard
            await supervisor.stop("db")
        assert handle.state is State.STOPPED
        assert service.running == 0

    await run_beside(supervisor, work)
    assert len(heard) == 1


async def stop_and_restart():
    """
    One caller stops a child while another restarts it: both return, and the last word counts.
    """
    service = Service()
    supervisor = Supervisor("shop", Child(service.run, name="db"))
    told = []

    async def stop():
        await supervisor.stop("db")
        told.append("stopped")

    async def restart():
        try:
            await supervisor.restart("db")
            told.append("restarted")
        except StartFailed:
            told.append("lost")

    await run_beside(supervisor, stop, restart)
    assert len(told) == 2
    assert service.running == 0


async def remove_and_restart():
    """
    One caller removes a child while another restarts it: both are told what came of it.
    """
    service = Service()
    supervisor = Supervisor("shop", Child(service.run, name="db"))
    told = []

    async def remove():
        await supervisor.remove("db")
        told.append("removed")

    async def restart():
        try:
            await supervisor.restart("db")
        except (StartFailed, ChildNotFound) as exc:
            told.append(exc)
        else:
            told.append("restarted")

    await run_beside(supervisor, remove, restart)
    assert len(told) == 2
    assert service.running == 0


async def same_name_twice():
    """
    Two callers start a child of one name: one gets it, the other is refused.
    """
    supervisor = Supervisor("shop")
    service = Service()
    told = []

    async def start():
        try:
            await supervisor.start(Child(service.run, name="db"))
            told.append("started")
        except DuplicateChild:
            told.append("refused")

    await run_beside(supervisor, start, start)
    assert sorted(told) == ["refused", "started"]


async def fails_as_it_is_stopped():
    """
    A child fails, waits and is restarted while somebody stops it: it is down afterwards and stays so.
    """
    service = Service(fails_on={1, 2, 3})
    supervisor = Supervisor("shop", Child(service.run, name="db"), backoff=STEADY)

    async def stop():
        await supervisor.stop("db")
        lives = service.lives
        assert service.running == 0
        await trio.sleep(5)
        assert service.lives == lives

    await run_beside(supervisor, stop)


async def fail_together():
    """
    Two children of a one_for_all supervisor fail at one moment: all are restarted, and counted as they should be.
    """
    one, two = Service(fails_on={1}), Service(fails_on={1})
    supervisor = Supervisor(
        "shop",
        Child(one.run, name="one"),
        Child(two.run, name="two"),
        strategy="one_for_all",
        backoff=STEADY,
        budget=Budget(restarts=2),
    )

    async def wait():
        await trio.sleep(5)
        assert one.running == two.running == 1

    await run_beside(supervisor, wait)
    assert one.running == two.running == 0


async def inner_gives_up_as_outer_stops():
    """
    An inner supervisor gives up while the outer one is asked to stop: the run ends, and nothing is left.
    """
    service = Service(fails_on={1, 2})
    inner = Supervisor("inner", Child(service.run, name="db"), budget=Budget(restarts=0), backoff=STEADY)
    outer = Supervisor("outer", inner, Service(), budget=Budget(restarts=1), backoff=STEADY)

    async def stop():
        for _ in range(3):
            await trio.lowlevel.checkpoint()
        outer.request_stop()

    with allowing(OSError, SupervisorNotRunning, StartFailed):
        await run_beside(outer, stop)
    assert service.running == 0


async def cancel_and_stop():
    """
    A handle is cancelled while its child is stopped: the stop returns and the child is down.
    """
    service = Service()
    supervisor = Supervisor("shop")

    async def work():
        handle = await supervisor.start(Child(service.run, name="db"))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(supervisor.stop, "db")
            await trio.lowlevel.checkpoint()
            handle.cancel("enough")
        assert handle.done
        assert service.running == 0

    await run_beside(supervisor, work)


async def wait_for_a_function():
    """
    A function that is started once can be waited for, whether it is over before or after.
    """
    supervisor = Supervisor("shop")

    async def double(number):
        await trio.lowlevel.checkpoint()
        return 2 * number

    async def work():
        handle = supervisor.start_soon(double, 21)
        await trio.lowlevel.checkpoint()
        assert await handle.wait() == 42

    await run_beside(supervisor, work, work)


async def give_orders(supervisor, told):
    """
    Give every kind of order at once, and note which of them returned or were refused.
    """

    async def give(name, order):
        with contextlib.suppress(StartFailed, SupervisorNotRunning, ChildNotFound):
            await order()
        told.append(name)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(give, "stop", lambda: supervisor.stop("one"))
        nursery.start_soon(give, "remove", lambda: supervisor.remove("two"))
        nursery.start_soon(give, "restart", lambda: supervisor.restart("three"))
        nursery.start_soon(give, "start", lambda: supervisor.start(Child(Service(steps_to_ready=2), name="four")))


def shop_of_three(services, **rules):
    names = ("one", "two", "three")
    return Supervisor("shop", *(Child(each.run, name=n) for n, each in zip(names, services, strict=True)), **rules)


async def orders_as_it_stops():
    """
    Orders of every kind are under way when the supervisor is asked to stop: each returns or raises.
    """
    services = [Service(), Service(), Service()]
    supervisor = shop_of_three(services)
    told = []

    async def stop():
        for _ in range(3):
            await trio.lowlevel.checkpoint()
        supervisor.request_stop()

    await run_beside(supervisor, stop, lambda: give_orders(supervisor, told))
    assert sorted(told) == ["remove", "restart", "start", "stop"]
    assert [0, 0, 0] == [each.running for each in services]


async def orders_as_it_is_cancelled():
    """
    Orders of every kind are under way when the run is cancelled from outside: each returns or raises.
    """
    services = [Service(), Service(), Service()]
    supervisor = shop_of_three(services)
    told = []

    async def run(task_status):
        with trio.CancelScope() as scope:
            task_status.started(scope)
            await supervisor.run()

    async with trio.open_nursery() as nursery:
        scope = await nursery.start(run)
        nursery.start_soon(cancel_later, scope)
        for _ in range(3):
            await trio.lowlevel.checkpoint()
        await give_orders(supervisor, told)
    assert sorted(told) == ["remove", "restart", "start", "stop"]
    assert [0, 0, 0] == [each.running for each in services]


async def orders_as_it_gives_up():
    """
    Orders of every kind are under way when the supervisor gives up: each returns or raises.
    """
    services = [Service(), Service(), Service()]
    supervisor = shop_of_three(services, budget=Budget(restarts=0))
    failing = Service(fails_on={1})
    told = []
    with allowing(OSError):
        async with trio.open_nursery() as nursery:
            await nursery.start(supervisor.run)
            supervisor.start_soon(Child(failing.run, name="failing"))
            with trio.CancelScope(shield=True):
                await give_orders(supervisor, told)
            with contextlib.suppress(SupervisorNotRunning):
                supervisor.request_stop()
    assert sorted(told) == ["remove", "restart", "start", "stop"]
    assert [0, 0, 0] == [each.running for each in services]


async def restart_and_fail():
    """
    A child fails, and is restarted by its rules, while somebody restarts it: it is up afterwards, once.
    """
    service = Service(fails_on={1, 2})
    supervisor = Supervisor("shop", Child(service.run, name="db"), backoff=STEADY)

    async def restart():
        await supervisor.restart("db")
        await trio.sleep(5)
        assert service.running == 1

    await run_beside(supervisor, restart)
    assert service.running == 0


async def rest_for_one_and_stop():
    """
    The first child of a rest_for_one supervisor fails while somebody stops the second: the second stays down.
    """
    first, second, third = Service(fails_on={1}), Service(), Service()
    supervisor = Supervisor(
        "shop",
        Child(first.run, name="first"),
        Child(second.run, name="second"),
        Child(third.run, name="third"),
        strategy="rest_for_one",
        backoff=STEADY,
    )

    async def stop():
        await supervisor.stop("second")
        assert second.running == 0
        await trio.sleep(5)
        assert (first.running, second.running, third.running) == (1, 0, 1)

    await run_beside(supervisor, stop)


async def remove_and_fail():
    """
    A child fails while it is removed: the removal returns, and its name is free.
    """
    service = Service(fails_on={1, 2})
    supervisor = Supervisor("shop", Child(service.run, name="db"), backoff=STEADY)

    async def remove():
        await supervisor.remove("db")
        assert service.running == 0
        await supervisor.start(Child(Service().run, name="db"))

    await run_beside(supervisor, remove)


SUPERVISORS = [
    stop_while_starting,
    two_restarts,
    remove_and_add,
    fails_as_it_stops,
    cancelled_while_booting,
    stopped_while_booting,
    leaves_as_it_gives_up,
    handle_and_restart,
    stop_and_restart,
    remove_and_restart,
    same_name_twice,
    fails_as_it_is_stopped,
    fail_together,
    inner_gives_up_as_outer_stops,
    cancel_and_stop,
    wait_for_a_function,
    orders_as_it_stops,
    orders_as_it_is_cancelled,
    orders_as_it_gives_up,
    restart_and_fail,
    rest_for_one_and_stop,
    remove_and_fail,
]
