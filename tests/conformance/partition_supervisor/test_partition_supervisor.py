"""
The tests of Elixir's PartitionSupervisor, told again for trio.
"""

import pytest
import trio

import trio_run as tr
from tests.conformance.children import BOOM, PATIENT, keep
from tests.supervision.scripts import EventLog, Planned


async def number(n: int, *, task_status: trio.TaskStatus[int]) -> None:
    """
    Say which one it is, and run until cancelled.
    """
    task_status.started(n)
    await trio.sleep_forever()


def child(n: int) -> tr.Child:
    """
    The partition of that number.
    """
    return tr.Child(number, n)


def phases(partitions: tr.Partitions) -> list[tuple[str, str]]:
    """
    The partitions in order, with what they are doing.
    """
    return [(each.name, each.phase) for each in partitions.supervisor.statistics()]


class TestChildSpec:
    async def test_child_spec(self):
        """
        child_spec/1 uses the name as id: it is a child under its own name.
        """
        async with tr.open_supervisor("shop", tr.Partitions("carts", child, count=2)) as shop:
            assert ["carts"] == [each.name for each in shop.children]

    async def test_child_spec_with_id(self):
        """
        child_spec/1 can be given an id: or under another.
        """
        carts = tr.Partitions("carts", child, count=2)
        async with tr.open_supervisor("shop", tr.Child(carts, name="others")) as shop:
            assert ["others"] == [each.name for each in shop.children]


class TestStartLink:
    async def test_on_success(self):
        """
        start_link/1 on success with atom name, partitions/1 returns the count: as many as asked for, numbered from 0.
        """
        async with tr.open_partitions("carts", child, count=3) as carts:
            assert (3, [0, 1, 2]) == (carts.count, [carts.route(n).ready_value for n in range(3)])

    async def test_with_arguments(self):
        """
        start_link/1 with with_arguments: each is made for its number.
        """
        async with tr.open_partitions("carts", lambda n: tr.Child(number, 10 * n), count=3) as carts:
            assert [0, 10, 20] == [carts.route(n).ready_value for n in range(3)]

    @pytest.mark.parametrize("name", [3, "", "a/b"])
    def test_raises_without_name(self, name: object):
        """
        start_link/1 raises without name: one that is none is refused.
        """
        with pytest.raises((TypeError, ValueError), match="name"):
            tr.Partitions(name, child, count=1)

    def test_raises_without_child_spec(self):
        """
        start_link/1 raises without child_spec, start_link/1 raises with bad with_arguments: so is what makes no runner.
        """
        with pytest.raises(TypeError, match="cannot run"):
            tr.Partitions("carts", lambda n: n, count=1)
        with pytest.raises(TypeError):
            tr.Partitions("carts", count=1)

    @pytest.mark.parametrize("count", [0, -1, "3", 1.5, True])
    def test_raises_with_bad_partitions(self, count: object):
        """
        start_link/1 raises with bad partitions: so is a number that is none.
        """
        with pytest.raises((TypeError, ValueError), match="number of partitions"):
            tr.Partitions("carts", child, count=count)

    def test_raises_with_bad_auto_shutdown(self):
        """
        start_link/1 raises with bad auto_shutdown: they take no such rule, as all of them are needed.
        """
        with pytest.raises(TypeError, match="unexpected keyword"):
            tr.Partitions("carts", child, count=1, exit_when="any_significant")

    async def test_a_partition_that_does_not_start(self):
        """
        start_link/1 on success with atom name: if one does not, none is left.
        """

        async def refuses(*, task_status: trio.TaskStatus[None]) -> None:
            del task_status
            raise BOOM

        with pytest.raises(tr.StartFailed, match="carts/1 did not start"):
            async with tr.open_partitions("carts", lambda n: refuses if n else keep, count=2):
                pytest.fail("one of them did not start")


class TestStop:
    async def test_stop(self):
        """
        stop/1 is synchronous, stop/3 is synchronous: when the call returns all are gone.
        """
        async with tr.open_partitions("carts", child, count=2) as carts:
            carts.supervisor.request_stop("enough")
            report = await carts.supervisor.wait_stopped()

            assert ("enough", ["carts/1", "carts/0"]) == (report.reason, [each.path for each in report.walk()])
            with pytest.raises(tr.SupervisorNotRunning):
                carts.route(1)


class TestPartitions:
    async def test_number_of_partitions(self):
        """
        partitions/1 raises if not running: before a run it is what was asked for, and a key leads nowhere.
        """
        carts = tr.Partitions("carts", child, count=4)

        assert 4 == carts.count
        with pytest.raises(tr.SupervisorNotRunning):
            carts.route(1)

    @pytest.mark.parametrize(("key", "expected"), [(0, 0), (1, 1), (3, 0), (-1, 1), (4, 1)])
    def test_routing(self, key: int, expected: int):
        """
        start_link/1 routes keys: a whole number by its absolute value, counted round.
        """
        assert expected == tr.Partitions("carts", child, count=3).number_of(key)


class TestResize:
    async def test_resizes(self):
        """
        resize!/2 resizes the number of children: there are as many as asked for, and the first ones stay.
        """
        async with tr.open_partitions("carts", child, count=2) as carts:
            first = carts.route(0)
            for count in (4, 1, 0, 3):
                await carts.resize(count)
                assert [(str(n), "up") for n in range(count)] == phases(carts)
                assert count in {0, 3} or first is carts.route(0)

    @pytest.mark.parametrize("count", [-1, "3", 1.5])
    async def test_raises_on_bad_count(self, count: object):
        """
        resize!/2 raises on lower or upper bound: below none it does not go; there is no upper bound here.
        """
        async with tr.open_partitions("carts", child, count=2) as carts:
            with pytest.raises((TypeError, ValueError), match="number of partitions"):
                await carts.resize(count)
            await carts.resize(9)

            assert 9 == len(phases(carts))

    async def test_raises_if_not_running(self):
        """
        resize!/2 raises if not running: and changes nothing.
        """
        carts = tr.Partitions("carts", child, count=2)
        with pytest.raises(tr.SupervisorNotRunning):
            await carts.resize(3)

        assert 2 == carts.count


class TestCounts:
    async def test_which_children(self):
        """
        which_children/1 returns children: by their numbers.
        """
        async with tr.open_partitions("carts", child, count=2) as carts:
            assert ["0", "1"] == [each.name for each in carts.supervisor.children]

    async def test_count_children(self):
        """
        count_children/1 with workers, count_children/1 with supervisors: those that are up are counted, of both kinds.
        """
        for make in (child, lambda n: tr.Supervisor(f"s{n}")):
            async with tr.open_partitions("carts", make, count=3) as carts:
                assert [(str(n), "up") for n in range(3)] == phases(carts)

    async def test_count_children_with_restarting(self):
        """
        count_children/1 with restarting children: one that waits for its restart is there, and not up.
        """
        plans = {0: [], 1: [(0, BOOM), (0, BOOM)]}
        async with tr.open_partitions(
            "carts", lambda n: Planned(EventLog(), str(n), *plans[n]), count=2, backoff=PATIENT
        ) as carts:
            await trio.sleep(1)

            assert [("0", "up"), ("1", "down")] == phases(carts)

    async def test_count_children_after_resize(self):
        """
        count_children/1 after a resize: those that were taken away are no more.
        """
        async with tr.open_partitions("carts", child, count=3) as carts:
            await carts.resize(1)

            assert [("0", "up")] == phases(carts)
