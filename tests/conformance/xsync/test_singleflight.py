"""
The tests of Go's golang.org/x/sync/singleflight, told again for `open_coalescer`.

===================================  ====================================================================
``TestDoTimeout`` and benchmarks     not in the original's behaviour
``TestPanicDoChan``                  as TestPanicDo: an error is an exception, whoever waits and however
``TestPanicDoSharedByDoChan``        as above
``TestGoexitDo``                     does not apply: a task cannot end without returning or raising
===================================  ====================================================================
"""

import pytest
import trio

import trio_run as tr


async def bar():
    return "bar"


class BrokenDownError(Exception):
    """
    What the work raises.
    """


async def test_do():
    """
    TestDo: the value comes back.
    """
    async with tr.open_coalescer() as flights:
        assert "bar" == await flights.coalesce("key", bar)


async def test_do_err():
    """
    TestDoErr: so does an error.
    """

    async def fail():
        raise BrokenDownError

    async with tr.open_coalescer() as flights:
        with pytest.raises(BrokenDownError):
            await flights.coalesce("key", fail)


async def test_do_dup_suppress():
    """
    TestDoDupSuppress: ten calls while the work is under way are one piece of work.
    """
    calls, gate, got = 0, trio.Event(), []

    async def work():
        nonlocal calls
        calls += 1
        await gate.wait()
        return "bar"

    async def ask():
        got.append(await flights.coalesce("key", work))

    async with tr.open_coalescer() as flights, trio.open_nursery() as nursery:
        for _ in range(10):
            nursery.start_soon(ask)
        await trio.testing.wait_all_tasks_blocked()
        gate.set()

    assert 1 == calls
    assert ["bar"] * 10 == got


async def test_forget():
    """
    TestForget: a call after the key was forgotten is work of its own, and does not end with the first.
    """
    gates, got = [trio.Event(), trio.Event()], []

    async def work(number):
        await gates[number].wait()
        return number

    async def ask(number):
        got.append(await flights.coalesce("key", work, number))

    async with tr.open_coalescer() as flights, trio.open_nursery() as nursery:
        nursery.start_soon(ask, 0)
        await trio.testing.wait_all_tasks_blocked()
        flights.forget("key")
        nursery.start_soon(ask, 1)
        await trio.testing.wait_all_tasks_blocked()
        gates[0].set()
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(ask, 0)
        await trio.testing.wait_all_tasks_blocked()
        gates[1].set()

    assert [0, 1, 1] == got


async def test_do_chan():
    """
    TestDoChan: a caller that wants a handle has the call made by a group.
    """
    async with tr.open_coalescer() as flights, tr.open_group() as group:
        handle = group.start_soon(flights.coalesce, "key", bar)

    assert "bar" == handle.value


async def test_panic_do():
    """
    TestPanicDo, TestPanicErrorUnwrap: an error reaches every caller, and none of them hangs.
    """
    caught = 0

    async def fail():
        await trio.sleep(1)
        raise BrokenDownError

    async def ask():
        nonlocal caught
        with pytest.raises(BrokenDownError):
            await flights.coalesce("key", fail)
        caught += 1

    async with tr.open_coalescer() as flights, trio.open_nursery() as nursery:
        for _ in range(5):
            nursery.start_soon(ask)

    assert 5 == caught


async def test_work_is_not_the_first_callers():
    """
    There the work is lost with the first caller's context: here the others keep it alive.
    """

    async def work():
        await trio.sleep(2)
        return "bar"

    async with tr.open_coalescer() as flights, trio.open_nursery() as nursery:

        async def leave_early():
            with trio.move_on_after(1):
                await flights.coalesce("key", work)

        nursery.start_soon(leave_early)
        await trio.sleep(0.5)

        assert "bar" == await flights.coalesce("key", work)
        assert 2 == trio.current_time()
