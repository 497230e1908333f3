"""
One run of a root, in virtual time: how it is asked, cancelled, and waited for.
"""

import functools
import signal

import pytest
import trio

import trio_run as tr
from trio_run._tree import Node, NodeState, TreeView
from trio_run.cli._launch import Run, alive_lines
from trio_run.cli._load import build


class Launch:
    """
    A run whose signals come at given times.
    """

    def __init__(self, runner, grace=30.0):
        self.events = []
        view = TreeView()
        self.run = Run(build("shop:app", runner, []), grace, view)
        self.sinks = (self.events.append, view)

    async def main(self, *signals):
        async with trio.open_nursery() as nursery:
            for when, signum in signals:
                nursery.start_soon(self.send, when, signum)
            await self.run.main(*self.sinks)
        return self.run.exit

    async def send(self, when, signum):
        await trio.sleep_until(when)
        self.run.ladder._handle(signum, None)

    def told(self, name):
        return [event for event in self.events if event.name == name]

    def story(self):
        return [event.name for event in self.events if event.name.startswith("run.")]


async def steady(*, task_status=trio.TASK_STATUS_IGNORED):
    """
    Be ready, and wait for the cancellation.
    """
    task_status.started()
    await trio.sleep_forever()


async def breaks(error):
    """
    Fail at once.
    """
    raise error


async def drains(seconds):
    """
    Once asked to stop, take some time.
    """
    await tr.wait_stopping()
    await trio.sleep(seconds)


async def deaf(seconds):
    """
    Listen, and then not even hear a cancellation for some time.
    """
    with tr.cancel_on_stop():
        await trio.sleep_forever()
    with trio.CancelScope(shield=True):
        await trio.sleep(seconds)


TERM, INT = signal.SIGTERM, signal.SIGINT


class TestEnd:
    async def test_by_itself(self):
        """
        A root that returns ends the run.
        """
        launch = Launch(functools.partial(trio.sleep, 3))
        end = await launch.main()

        assert 0 == end.code
        assert ["run.started", "run.ready", "run.stopped"] == launch.story()
        assert (3.0, 0) == (launch.events[-1].seconds, launch.events[-1].code)

    async def test_failed(self):
        """
        A root that raises has failed, and that is an event of its own.
        """

        launch = Launch(functools.partial(breaks, ValueError("x")))
        end = await launch.main()

        assert (1, ("breaks: ValueError: x",)) == (end.code, end.lines)
        assert ["run.started", "run.ready", "run.failed", "run.stopped"] == launch.story()

    @pytest.mark.parametrize(
        ("runner", "signals"),
        [
            (functools.partial(trio.sleep, 1), []),
            (functools.partial(breaks, ValueError()), []),
            (functools.partial(breaks, SystemExit(3)), []),
            (functools.partial(drains, 5), [(1, TERM)]),
            (functools.partial(deaf, 50), [(1, TERM), (2, TERM)]),
        ],
    )
    async def test_a_run_that_has_a_beginning_has_an_end(self, runner, signals):
        """
        The first event says that it began and the last that it is over, however the root ended.
        """
        launch = Launch(runner)
        await launch.main(*signals)

        assert ("run.started", "run.stopped") == (launch.story()[0], launch.story()[-1])

    async def test_before_it_was_ready(self):
        """
        A root that is to say when it is ready, and returns before, has failed.
        """

        async def hasty(*, task_status): ...

        end = await Launch(hasty).main()

        assert 1 == end.code
        assert "hasty returned before it was ready." in end.lines[0]

    async def test_a_supervisor_that_nobody_ran(self):
        """
        An async function that was meant as a factory has failed, and is told so.
        """

        async def factory():
            return tr.Supervisor("shop", steady)

        end = await Launch(factory).main()

        assert 1 == end.code
        assert "it returned <Supervisor shop" in end.lines[0]

    async def test_ready_twice(self):
        """
        A root that says twice that it is ready is told so.
        """

        async def eager(*, task_status):
            task_status.started()
            task_status.started()

        end = await Launch(eager).main()

        assert ("eager: RuntimeError: eager called task_status.started() twice.",) == end.lines

    async def test_readiness(self):
        """
        A root that takes task_status is ready when it says so.
        """

        async def slow(*, task_status):
            await trio.sleep(3)
            task_status.started()

        launch = Launch(slow)
        await launch.main()

        assert [3.0] == [event.seconds for event in launch.told("run.ready")]

    async def test_a_stray_cancelled(self):
        """
        A Cancelled that nobody sent is a failure.
        """
        stray = []

        async def hoard():
            try:
                await trio.sleep_forever()
            except trio.Cancelled as exc:
                stray.append(exc)
                raise

        with trio.CancelScope() as scope:
            scope.cancel(reason="to have one")
            await hoard()

        async def leaky():
            raise stray[0]

        end = await Launch(leaky).main()

        assert end.lines[0].startswith("leaky: LeakedCancelled:")

    @pytest.mark.parametrize("runner", [steady, tr.Supervisor("shop", steady)], ids=["function", "supervisor"])
    async def test_cancelled_from_outside(self, runner):
        """
        A run that is itself cancelled ends, and does not keep the cancellation to itself.
        """
        launch = Launch(runner)
        with trio.move_on_after(3) as scope:
            await launch.main()

        assert scope.cancelled_caught
        assert 3.0 == trio.current_time()


class TestStop:
    @pytest.mark.parametrize("signum", [TERM, INT])
    async def test_drains(self, signum):
        """
        A root that listens has its grace, and the process dies of the signal.
        """
        launch = Launch(functools.partial(drains, 5))
        end = await launch.main((3, signum))

        assert (128 + signum, signum) == (end.code, end.signum)
        assert 8.0 == launch.events[-1].seconds
        assert [(signum.name, 30.0)] == [(event.reason, event.grace) for event in launch.told("run.stopping")]
        assert [] == launch.told("run.escalated")

    async def test_does_not_listen(self):
        """
        A root that does not listen is cancelled at once.
        """
        launch = Launch(steady)
        end = await launch.main((3, TERM))

        assert TERM == end.signum
        assert 3.0 == launch.events[-1].seconds
        assert [0.0] == [event.grace for event in launch.told("run.stopping")]
        assert [] == launch.told("run.escalated")

    async def test_grace_is_over(self):
        """
        When the grace of the run is over the root is cancelled.
        """
        launch = Launch(functools.partial(drains, 100), grace=7)
        end = await launch.main((3, TERM))

        assert TERM == end.signum
        assert 10.0 == launch.events[-1].seconds
        assert ["the grace of 7 s is over"] == [event.reason for event in launch.told("run.escalated")]

    async def test_grace_bounds_a_supervisor(self):
        """
        The grace of the run bounds that of every child, and the order of the stop holds.
        """
        child = tr.Child(drains, 100, name="slow", grace=50)
        launch = Launch(tr.Supervisor("shop", child, tr.Child(drains, 100, name="slower", grace=50)), grace=7)
        await launch.main((3, TERM))

        stopped = [(event.path, event.time) for event in launch.told("child.stopped")]
        assert [("shop/slower", 10.0), ("shop/slow", 10.0)] == stopped

    async def test_second_signal(self):
        """
        The second signal cancels what is left, in order.
        """
        first, second = (tr.Child(drains, 20, name=name, grace=50) for name in ("a", "b"))
        launch = Launch(tr.Supervisor("shop", first, second))
        end = await launch.main((3, TERM), (5, INT))

        assert TERM == end.signum
        assert [("shop/b", 5.0), ("shop/a", 5.0)] == [
            (event.path, event.time) for event in launch.told("child.stopped")
        ]
        assert ["a second signal"] == [event.reason for event in launch.told("run.escalated")]

    async def test_two_at_once(self):
        """
        Two signals in one moment are two.
        """
        launch = Launch(functools.partial(drains, 20))
        await launch.main((3, TERM), (3, TERM))

        assert 3.0 == launch.events[-1].seconds

    async def test_before_the_loop_runs(self):
        """
        A signal that came before the loop ran is not forgotten.
        """
        launch = Launch(tr.Supervisor("shop", steady))
        launch.run.ladder._handle(TERM, None)
        end = await launch.main()

        assert TERM == end.signum

    async def test_a_failure_on_the_way_out(self):
        """
        A child that raises while it is stopped makes the stop a failure.
        """

        async def clumsy():
            await tr.wait_stopping()
            raise OSError("disk full")

        launch = Launch(tr.Supervisor("shop", clumsy))
        end = await launch.main((3, TERM))

        assert (1, None) == (end.code, end.signum)
        assert ("children of shop failed while they were stopped: OSError: disk full",) == end.lines

    async def test_fatal(self):
        """
        SystemExit in a child ends the run with its code.
        """

        async def leave():
            raise SystemExit(7)

        launch = Launch(tr.Supervisor("shop", steady, leave))
        end = await launch.main()

        assert (7, ()) == (end.code, end.lines)
        assert [] == launch.told("run.failed")


class TestAlive:
    async def test_again_and_again(self):
        """
        Every two seconds those that are still alive are named, with what they are doing.
        """
        waits = tr.Child(steady, name="db")
        launch = Launch(tr.Supervisor("shop", waits, tr.Child(deaf, 6, name="web", grace=3)))
        await launch.main((10, TERM))

        assert [
            (2.0, ("shop/web stopping 2.0 s, cancelled in 1.0 s", "shop/db up 12.0 s")),
            (4.0, ("shop/web cancelled 1.0 s", "shop/db up 14.0 s")),
        ] == [(event.seconds, event.alive) for event in launch.told("run.waiting")][:2]

    async def test_at_each_signal(self):
        """
        Both signals name those alive.
        """
        launch = Launch(tr.Supervisor("shop", tr.Child(deaf, 6, name="web", grace=30)))
        await launch.main((1, TERM), (2, TERM))

        assert [("shop/web up 1.0 s",)] == [event.alive for event in launch.told("run.stopping")]
        assert [("shop/web stopping 1.0 s, cancelled in 29.0 s",)] == [
            event.alive for event in launch.told("run.escalated")
        ]

    def test_many(self):
        """
        Of many, the first are named and the others counted.
        """
        nodes = [Node(path=f"s/{number}", state=NodeState.UP) for number in range(12)]

        assert (9, "s/0 up 1.0 s", "and 4 more") == (
            len(alive_lines(nodes, 1.0)),
            alive_lines(nodes, 1.0)[0],
            alive_lines(nodes, 1.0)[-1],
        )
