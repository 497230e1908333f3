"""
More programs that use supervisors: orders from inside, while it boots, around the end of a grace, and in nested trees.
"""

import contextlib

import trio

from tests.testing.ours import STEADY, Service, allowing, give_orders, run_beside, shop_of_three
from trio_run import (
    Budget,
    Child,
    ChildNotFound,
    DuplicateChild,
    JobCancelled,
    StartFailed,
    State,
    Supervisor,
    SupervisorNotRunning,
    WouldDeadlock,
    cancel_on_stop,
    open_supervisor,
    stopping,
    wait_stopping,
)


async def start_that_fails_is_removed():
    """
    A child fails before it is ready, while another task removes it: who started it is told, and the name is free.
    """

    async def fail(task_status):
        await trio.lowlevel.checkpoint()
        raise OSError

    supervisor = Supervisor("shop")
    told = []

    async def start():
        try:
            await supervisor.start(Child(fail, name="db"))
        except StartFailed as exc:
            told.append(exc)

    async def remove():
        for _ in range(3):
            with contextlib.suppress(ChildNotFound):
                await supervisor.remove("db")
            await trio.lowlevel.checkpoint()

    async def both():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(start)
            nursery.start_soon(remove)
        assert len(told) == 1
        assert supervisor.statistics() == ()

    await run_beside(supervisor, both)


async def starter_is_cancelled():
    """
    Who starts a child is cancelled meanwhile: the child goes on starting, and can be stopped by name.
    """
    service = Service(steps_to_ready=3)
    supervisor = Supervisor("shop")

    async def start(scope):
        with scope:
            await supervisor.start(Child(service.run, name="db"))

    async def work():
        scope = trio.CancelScope()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(start, scope)
            await trio.lowlevel.checkpoint()
            scope.cancel(reason="the test")
        with contextlib.suppress(ChildNotFound):
            await supervisor.stop("db")
        assert service.running == 0

    await run_beside(supervisor, work)


async def children_stop_each_other():
    """
    Two children each have the other stopped: both are down, nobody waits for ever.
    """
    started = []

    async def stop_the_other(me, other):
        started.append(me)
        await supervisor.stop(other)
        await trio.sleep_forever()

    supervisor = Supervisor(
        "shop",
        Child(stop_the_other, "one", "two", name="one"),
        Child(stop_the_other, "two", "one", name="two"),
        backoff=STEADY,
    )

    async def wait():
        await trio.sleep(1)

    await run_beside(supervisor, wait)


async def child_orders_as_it_goes():
    """
    A child gives orders while it is stopped: each is carried out or refused, and the run ends.
    """
    told = []

    async def orders():
        try:
            await trio.sleep_forever()
        finally:
            with trio.CancelScope(shield=True):
                for order in (supervisor.stop, supervisor.restart, supervisor.remove):
                    try:
                        await order("other")
                        told.append("done")
                    except (SupervisorNotRunning, StartFailed, ChildNotFound) as exc:
                        told.append(exc)
                with contextlib.suppress(WouldDeadlock, SupervisorNotRunning):
                    await supervisor.stop("orders")
                    raise AssertionError

    supervisor = Supervisor("shop", Child(Service().run, name="other"), Child(orders, name="orders", restart="never"))

    async def stop():
        await trio.lowlevel.checkpoint()
        await supervisor.stop("orders")

    await run_beside(supervisor, stop)
    assert len(told) == 3


async def orders_while_booting():
    """
    Orders of every kind come while the supervisor starts: each returns or raises, and nothing is left.
    """
    services = [Service(steps_to_ready=2), Service(steps_to_ready=2), Service(steps_to_ready=2)]
    supervisor = shop_of_three(services)
    told = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(supervisor.run)
        while not supervisor.statistics():
            await trio.sleep(0.1)
        await give_orders(supervisor, told)
        supervisor.request_stop()
    assert sorted(told) == ["remove", "restart", "start", "stop"]
    assert [0, 0, 0] == [each.running for each in services]


async def orders_between_steps_of_booting():
    """
    Children are removed and stopped at any step of the start: the rest comes up, and the supervisor is ready.
    """
    services = [Service(steps_to_ready=3), Service(steps_to_ready=3), Service(steps_to_ready=3)]
    supervisor = shop_of_three(services)

    async def order():
        for _ in range(2):
            await trio.lowlevel.checkpoint()
        with contextlib.suppress(SupervisorNotRunning):
            async with trio.open_nursery() as orders:
                orders.start_soon(supervisor.remove, "two")
                orders.start_soon(supervisor.stop, "three")
            asked.append(True)

    asked = []
    with allowing(SupervisorNotRunning):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(order)
            await nursery.start(supervisor.run)
            await trio.sleep(5)
            if asked:
                assert [1, 0, 0] == [each.running for each in services]
            supervisor.request_stop()
    assert [0, 0, 0] == [each.running for each in services]


async def drains():
    """
    A child that listens is asked, and ends by itself within its grace, however it listens.
    """
    ended = []

    async def looks():
        while not stopping():
            await trio.sleep(1)
        ended.append("looks")

    async def waits():
        await wait_stopping()
        await trio.lowlevel.checkpoint()
        ended.append("waits")

    async def is_cancelled():
        with cancel_on_stop():
            await trio.sleep_forever()
        await trio.lowlevel.checkpoint()
        ended.append("is_cancelled")

    supervisor = Supervisor("shop", Child(looks), Child(waits), Child(is_cancelled))
    begun = []

    async def work():
        await trio.sleep(0.5)
        begun.append(supervisor.statistics())

    await run_beside(supervisor, work)
    assert ["is_cancelled", "looks", "waits"] == sorted(ended)


async def ends_as_its_grace_does():
    """
    A child that was asked ends at the very moment its grace is over: it is gone, whichever came first.
    """
    ended = []

    async def slow():
        await wait_stopping()
        try:
            await trio.sleep(2)
        finally:
            ended.append(1)

    supervisor = Supervisor("shop", Child(slow, grace=2.0))

    async def stop():
        await trio.sleep(1)
        await supervisor.stop("slow")
        assert [1] == ended

    await run_beside(supervisor, stop)


async def restart_in_grace():
    """
    A child that drains is restarted, stopped and removed by others: all of them return.
    """

    async def drain():
        await wait_stopping()
        await trio.sleep(1)

    supervisor = Supervisor("shop", Child(drain, name="db"), Child(drain, name="web"))
    told = []

    async def order(call, name):
        with contextlib.suppress(ChildNotFound, StartFailed):
            await call(name)
        told.append(name)

    async def work():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(order, supervisor.stop, "db")
            nursery.start_soon(order, supervisor.remove, "db")
            nursery.start_soon(order, supervisor.restart, "web")
            nursery.start_soon(order, supervisor.restart, "web")
        await trio.sleep(5)

    await run_beside(supervisor, work)
    assert ["db", "db", "web", "web"] == sorted(told)


async def block_in_a_child():
    """
    A child has a supervisor of its own for a block, and is stopped, restarted or fails: nothing is left of it.
    """
    service = Service()

    async def outer_child():
        async with open_supervisor("inner", Child(service.run, name="db")):
            await trio.sleep_forever()

    supervisor = Supervisor("outer", Child(outer_child, name="child"))

    async def restart():
        await supervisor.restart("child")

    async def stop():
        await trio.lowlevel.checkpoint()
        supervisor.request_stop()

    with allowing(SupervisorNotRunning, StartFailed):
        await run_beside(supervisor, restart, stop)
    assert service.running == 0


async def names_are_used_again():
    """
    Functions of one name come and go, are waited for, stopped and removed: each handle has an outcome.
    """
    supervisor = Supervisor("shop")
    handles = []

    async def short():
        await trio.lowlevel.checkpoint()

    async def start():
        for _ in range(2):
            handles.append(supervisor.start_soon(short, name="job"))
            await trio.lowlevel.checkpoint()

    await run_beside(supervisor, start, start)
    assert all(handle.done for handle in handles)
    assert {handle.state for handle in handles} <= {State.FINISHED, State.STOPPED, State.CANCELLED}


async def gives_up_as_a_child_is_started():
    """
    A child is started while another spends the budget: who started it is told, and nothing is left.
    """
    failing, late = Service(fails_on={1}), Service(steps_to_ready=2)
    supervisor = Supervisor("shop", budget=Budget(restarts=0))
    told = []

    async def start():
        try:
            told.append(await supervisor.start(Child(late.run, name="late")))
        except (StartFailed, SupervisorNotRunning) as exc:
            told.append(exc)

    with allowing(OSError):
        async with trio.open_nursery() as nursery:
            await nursery.start(supervisor.run)
            with trio.CancelScope(shield=True):
                async with trio.open_nursery() as beside:
                    beside.start_soon(start)
                    supervisor.start_soon(Child(failing.run, name="failing"))
    assert len(told) == 1
    assert late.running == failing.running == 0


async def runs_again():
    """
    A supervisor is run again as soon as it has ended: it starts anew, with the children it was given.
    """
    service = Service()
    supervisor = Supervisor("shop", Child(service.run, name="db"))

    async def add():
        with contextlib.suppress(DuplicateChild, SupervisorNotRunning, StartFailed):
            await supervisor.start(Child(Service().run, name="extra"))

    await run_beside(supervisor, add)
    await run_beside(supervisor, add)
    assert service.lives == 2


async def handle_is_cancelled_as_it_fails():
    """
    A child is cancelled by its handle while it fails and is restarted: it is up afterwards, once.
    """
    service = Service(fails_on={1})
    supervisor = Supervisor("shop", backoff=STEADY)

    async def work():
        handle = supervisor.start_soon(Child(service.run, name="db"))
        await trio.lowlevel.checkpoint()
        handle.cancel("enough")
        await trio.sleep(5)
        assert service.running == 1
        assert handle.state is State.RUNNING
        with contextlib.suppress(JobCancelled):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(supervisor.stop, "db")
                with contextlib.suppress(JobCancelled):
                    await handle.wait()
        assert handle.state is State.STOPPED

    await run_beside(supervisor, work)


HARDER = [
    start_that_fails_is_removed,
    starter_is_cancelled,
    children_stop_each_other,
    child_orders_as_it_goes,
    orders_while_booting,
    orders_between_steps_of_booting,
    drains,
    ends_as_its_grace_does,
    restart_in_grace,
    block_in_a_child,
    names_are_used_again,
    gives_up_as_a_child_is_started,
    runs_again,
    handle_is_cancelled_as_it_fails,
]
