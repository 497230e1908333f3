"""
Where a task stands, and the probe that is put around one.
"""

import gc
import types

import pytest
import trio

import trio_run as tr
from trio_run.testing._everywhere_places import place_of
from trio_run.testing._everywhere_probe import Probe, RunGivenUp

TASK = types.SimpleNamespace(name="tests.work")


def still():
    """
    An observer that hears all and does nothing.
    """
    return types.SimpleNamespace(
        given_up=False, stepped=lambda: None, heard=lambda *_: None, screened=lambda _: None, ended=lambda *_: None
    )


@types.coroutine
def ask(message):
    return (yield message)


async def work(done):
    try:
        done.append(await ask("first"))
        done.append(await ask("second"))
    finally:
        done.append("left")
    return "result"


def drive(coro):
    """
    What *coro* asks for, and what it returns, if each wait is answered with its number.
    """
    asked, answer = [], None
    while True:
        try:
            asked.append(coro.send(answer))
        except StopIteration as stop:
            return [*asked, stop.value]
        answer = len(asked)


class TestPlaceOf:
    async def test_the_innermost_line_of_a_user_is_the_place(self):
        """
        Neither trio nor this package is where a task of a user stands.
        """
        places = []

        async def look():
            await trio.testing.wait_all_tasks_blocked()
            places.append(place_of(waiting.coro).function)

        async def wait_for(handle):
            nonlocal waiting
            waiting = trio.lowlevel.current_task()
            await handle.wait()

        waiting = None
        async with tr.open_group() as group:
            group.start_soon(wait_for, group.start_soon(look))

        assert [name.rpartition(".")[2] for name in places] == ["wait_for"]


class TestProbe:
    def test_a_probe_that_is_told_nothing_changes_nothing(self):
        """
        What is asked for, answered and returned is as it is without one.
        """
        with_probe, without = [], []

        assert drive(Probe(work(with_probe), TASK, still())) == drive(work(without)) == ["first", "second", "result"]
        assert with_probe == without == [1, 2, "left"]

    def test_a_task_always_has_a_place(self):
        """
        Before it begins and when it is over it is that of its function, and in between where it waits.
        """
        probe = Probe(work([]), TASK, still())
        begin = probe.place
        probe.send(None)
        waits = probe.place
        drive(probe)

        assert (probe.place, "work", "ask") == (begin, begin.function, waits.function)

    def test_a_coroutine_that_was_given_up_is_never_resumed(self):
        """
        Nor does the garbage collector close it, which would run what stands in its finally.
        """
        done, observer = [], still()
        probe = Probe(work(done), TASK, observer)
        probe.send(None)
        observer.given_up = True

        with pytest.raises(RunGivenUp):
            probe.send("an answer")
        del probe
        gc.collect()

        assert [] == done

    def test_one_that_never_began_is_closed(self):
        """
        There is nothing in it that could go on, and no warning that nobody awaited it.
        """
        observer = still()
        observer.given_up = True
        coro = work([])

        with pytest.raises(RunGivenUp):
            Probe(coro, TASK, observer).send(None)
        assert coro.cr_frame is None
