"""
Copies of one child, and the way from a key to one of them.
"""

import subprocess
import sys

import pytest
import trio

import trio_run as tr
from tests.supervision.scripts import EventLog, Planned, polite, steady
from trio_run.testing import cancel_everywhere

BOOM = OSError("boom")


async def keep(number: int, *, task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED) -> None:
    """
    Say which one it is, and run until cancelled.
    """
    task_status.started(number)
    await trio.sleep_forever()


def child(number: int) -> tr.Child:
    """
    A partition that says its number.
    """
    return tr.Child(keep, number)


class TestRoute:
    @pytest.mark.parametrize(
        ("key", "expected"), [(0, 0), (3, 0), (-1, 1), (7, 1), (-6, 0), ("eur", 1), ("", 0), (b"eur", 1), ("\u20ac", 1)]
    )
    def test_where_a_key_goes(self, key: str | bytes | int, expected: int):
        """
        Numbers by their absolute value counted round, as in Elixir; text and bytes by their CRC-32.
        """
        assert expected == tr.Partitions("carts", child, count=3).number_of(key)

    @pytest.mark.parametrize("key", [None, 1.5, ("a", 1)])
    def test_what_is_no_key(self, key: object):
        """
        Anything else is refused: its hash may change from run to run.
        """
        with pytest.raises(TypeError, match="A key is a str, bytes or an int, not"):
            tr.Partitions("carts", child, count=3).number_of(key)  # type: ignore[arg-type]

    @pytest.mark.real
    def test_the_same_in_every_process(self):
        """
        Another process with another hash seed sends the same keys to the same partitions.
        """
        code = (
            "import trio, trio_run as tr; p = tr.Partitions('p', lambda n: trio.sleep_forever, count=16); "
            "print([p.number_of(f'customer-{n}') for n in range(50)])"
        )
        said = {
            subprocess.run(
                [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
            ).stdout
            for seed in ("1", "2")
        }
        here = tr.Partitions("p", child, count=16)

        assert {f"{[here.number_of(f'customer-{n}') for n in range(50)]}\n"} == said

    async def test_to_the_partition(self):
        """
        The handle is that of the child, with what it gave to started().
        """
        async with tr.open_partitions("carts", child, count=4) as carts:
            assert [2, 1, 1] == [carts.route(key).ready_value for key in (2, 5, "a customer's name")]
            assert "carts/2" == carts.route(6).name
            assert carts.route(6) is await carts.wait_ready(6)

    async def test_not_running(self):
        """
        There is nowhere to go.
        """
        carts = tr.Partitions("carts", child, count=4)
        with pytest.raises(tr.SupervisorNotRunning):
            carts.route(1)
        with pytest.raises(tr.SupervisorNotRunning):
            await carts.resize(5)

        assert (4, "<Partitions carts, 4 of them>") == (carts.count, repr(carts))


class TestPartitions:
    async def test_one_fails_alone(self):
        """
        The others do not notice; the one that failed comes back under its number.
        """
        log = EventLog()
        plans = {0: [], 1: [(1, BOOM)], 2: []}
        with tr.use_sinks(log):
            async with tr.open_partitions("carts", lambda n: Planned(log, f"cart {n}", *plans[n]), count=3) as carts:
                await trio.sleep(2)

                assert [("0", 1), ("1", 2), ("2", 1)] == [(s.name, s.life) for s in carts.supervisor.statistics()]

        assert ["child.failed carts/1#1"] == log.story("child.failed")

    async def test_as_a_child(self):
        """
        It stands in the tree like any supervisor, and begins anew with as many as it had in the beginning.
        """
        carts = tr.Partitions("carts", child, count=2, grace=7)
        shop = tr.Supervisor("shop", carts)

        assert ("carts", 7) == (shop.children[0].name, shop.children[0].grace)

        async with trio.open_nursery() as nursery:
            await nursery.start(shop.run)
            await carts.resize(3)

            assert ["shop/carts/0", "shop/carts/1", "shop/carts/2"] == [carts.route(n).name for n in range(3)]

            await shop.restart("carts")

            assert (2, ["0", "1"]) == (carts.count, [each.name for each in carts.supervisor.children])

            shop.request_stop()
            report = await shop.wait_stopped()

        assert ["shop/carts/1", "shop/carts/0", "shop/carts"] == [each.path for each in report.walk()]

    async def test_cancelled_from_outside(self):
        """
        They go one after another, the last first.
        """
        log = EventLog()
        with trio.move_on_after(1):
            async with tr.open_partitions("p", lambda n: steady(log, str(n), cleanup=1), count=3):
                await trio.sleep_forever()

        assert [(2, "2 ends"), (3, "1 ends"), (4, "0 ends")] == log.notes[3:]

    @pytest.mark.parametrize(
        ("count", "kind"), [(0, ValueError), (-1, ValueError), (True, TypeError), (1.0, TypeError)]
    )
    def test_bad_counts(self, count: object, kind: type[Exception]):
        """
        There is at least one to begin with.
        """
        with pytest.raises(kind, match="The number of partitions"):
            tr.Partitions("p", child, count=count)  # type: ignore[arg-type]


class TestResize:
    async def test_up_and_down(self):
        """
        The first ones stay; the call returns when the new ones are ready, or the old ones gone.
        """
        log = EventLog()
        async with tr.open_partitions("p", lambda n: steady(log, str(n), start=1, cleanup=2), count=2) as p:
            await p.resize(4)

            assert (3, 4, ["2 starts", "3 starts"]) == (trio.current_time(), p.count, sorted(log.lines[2:]))

            await p.resize(1)

            assert [(5, "3 ends"), (7, "2 ends"), (9, "1 ends")] == log.notes[4:]
            assert ["0"] == [each.name for each in p.supervisor.children]

            await p.resize(1)
            await p.resize(0)
            with pytest.raises(ValueError, match="p has no partitions"):
                p.route(1)
            await p.resize(1)

            assert "p/0" == p.route(1).name

    async def test_overlapping(self):
        """
        One resize waits for the other; partitions on their way out are waited for before they come again.
        """
        log = EventLog()
        async with tr.open_partitions("p", lambda n: steady(log, str(n), cleanup=2), count=3) as p:
            with trio.move_on_after(1):
                await p.resize(1)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(p.resize, 3)
                nursery.start_soon(p.resize, 2)
            await trio.sleep(9)

            assert len(p.supervisor.children) == p.count
            assert {"up"} == {each.phase for each in p.supervisor.statistics()}

    async def test_cancelling_the_wait_does_not_undo_it(self):
        """
        The new number holds, and the partitions come up in their time.
        """
        log = EventLog()
        async with tr.open_partitions("p", lambda n: steady(log, str(n), start=n), count=1) as p:
            with trio.move_on_after(1):
                await p.resize(4)
            await trio.sleep(9)

            assert (4, 4) == (p.count, sum(each.phase == "up" for each in p.supervisor.statistics()))

    @pytest.mark.everywhere_allow("a child gives an order, and is told that all stops", raises=tr.SupervisorStopping)
    async def test_from_one_that_would_go(self):
        """
        It would wait for itself; the number stays.
        """
        refused = []

        async def shrinks() -> None:
            with pytest.raises(tr.WouldDeadlock):
                await p.resize(1)
            refused.append(p.count)
            await trio.sleep_forever()

        async with tr.open_partitions("p", lambda n: shrinks if n == 2 else child(n), count=2) as p:
            await p.resize(3)
            await trio.sleep(1)

            assert [3] == refused

    async def test_when_it_stops_meanwhile(self):
        """
        Who waits is told.
        """
        log = EventLog()
        async with tr.open_partitions("p", lambda n: steady(log, str(n), start=n), count=1) as p:
            async with trio.open_nursery() as nursery:

                async def resize() -> None:
                    with pytest.raises(tr.SupervisorStopping):
                        await p.resize(4)

                nursery.start_soon(resize)
                await trio.sleep(1)
                p.supervisor.request_stop()

    def test_cancelled_at_every_point(self):
        """
        Wherever the cancellation comes, the number and the partitions agree, and nothing is left.
        """
        log = EventLog()

        async def run() -> None:
            async with tr.open_partitions("p", lambda n: polite(log, str(n)), count=1) as p:
                try:
                    await p.resize(3)
                    await p.resize(2)
                finally:
                    names = [slot.name for slot in p.supervisor.statistics() if slot.wanted]
                    assert [str(n) for n in range(p.count)] == names or not names

        assert 4 < len(cancel_everywhere(run).points)


class TestNamed:
    async def test_started_among_others(self):
        """
        Started beside what a supervisor has they keep their name, as a child and by `start_soon`.
        """
        async with tr.open_supervisor("shop", tr.Partitions("carts", child, count=1)) as shop:
            handle = shop.start_soon(tr.Partitions("bills", child, count=1))

            assert [("carts", "bills"), "shop/bills"] == [tuple(each.name for each in shop.children), handle.name]
