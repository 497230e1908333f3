"""
Events get to every sink, in order, whatever the sinks do.
"""

import functools
import itertools
import logging

import attrs
import pytest
import trio
from trio.testing import MockClock

import trio_run as tr
from trio_run._sinks import current_stream
from trio_run.events import ChildFailed, ChildLost, ChildReady, ChildRemoved, Event, JobFailed, SinkDropped


@attrs.define
class Book:
    """
    A sink that keeps what it is given; two books are equal if they say the same.
    """

    events: list[Event] = attrs.field(factory=list)

    def __call__(self, event):
        self.events.append(event)

    @property
    def seqs(self):
        """
        The numbers of the events in the order they came.
        """
        return [event.seq for event in self.events]

    @property
    def names(self):
        """
        The names of the events in the order they came.
        """
        return [event.name for event in self.events]


@attrs.define
class Fragile:
    """
    A sink that raises when it is given a certain kind of event.
    """

    kind: type[Event]
    error: Exception = attrs.field(factory=lambda: OSError("disk full"))
    taken: Book = attrs.field(factory=Book)

    def __call__(self, event):
        self.taken(event)
        if isinstance(event, self.kind):
            raise self.error


def ready(path="shop/db"):
    """
    Something that goes as it should.
    """
    return current_stream().send(ChildReady, path, 1, seconds=0.5)


def failed(path="shop/db", error=None):
    """
    Something that goes wrong.
    """
    return current_stream().send(ChildFailed, path, 2, cause=1, seconds=0.5, error=error or ValueError("no number"))


class TestUseSinks:
    async def test_all_sinks_get_all_events(self):
        """
        Each event goes to each sink, in the order the sinks were given in.
        """
        first, second, order = Book(), Book(), []
        with tr.use_sinks(first, lambda _event: order.append(1), lambda _event: order.append(2), second):
            ready()
            failed()

        assert ["child.ready", "child.failed"] == first.names
        assert first.events == second.events
        assert [1, 2, 1, 2] == order

    async def test_inner_blocks(self):
        """
        Sinks of an inner block come on top of those outside, and are gone after it.
        """
        outer, inner = Book(), Book()
        with tr.use_sinks(outer):
            ready("a")
            with tr.use_sinks(inner):
                ready("b")
            ready("c")

        assert ["a", "b", "c"] == [event.path for event in outer.events]
        assert ["b"] == [event.path for event in inner.events]

    async def test_outer_sinks_come_first(self):
        """
        An inner block adds at the end.
        """
        order = []
        with tr.use_sinks(lambda _event: order.append("outer")):
            with tr.use_sinks(lambda _event: order.append("inner")):
                ready()

        assert ["outer", "inner"] == order

    async def test_numbers(self):
        """
        Each stream counts its events from 1, and inner blocks count along.
        """
        outer, inner = Book(), Book()
        with tr.use_sinks(outer):
            returned = [ready()]
            with tr.use_sinks(inner):
                returned.append(ready())
            returned.append(ready())
        with tr.use_sinks(inner):
            returned.append(ready())

        assert [1, 2, 3, 1] == returned
        assert [1, 2, 3] == outer.seqs
        assert [2, 1] == inner.seqs

    async def test_events_are_complete(self):
        """
        An event says what it was given, and when it was.
        """
        book, error = Book(), ValueError("no number")
        with tr.use_sinks(book):
            await trio.sleep(3)
            failed(error=error)

        assert [
            ChildFailed(seq=1, time=trio.current_time(), path="shop/db", life=2, cause=1, seconds=0.5, error=error)
        ] == book.events

    async def test_tasks_inherit_it(self):
        """
        What is started inside the block reports to its sinks, also when the block is left; what is not, does not.
        """
        book = Book()

        async def report(path):
            await trio.sleep(1)
            ready(path)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(report, "before")
            with tr.use_sinks(book):
                nursery.start_soon(report, "inside")
            nursery.start_soon(report, "after")

        assert ["inside"] == [event.path for event in book.events]

    def test_around_a_run(self):
        """
        The block may stand around `trio.run`.
        """
        book = Book()

        async def main():
            ready()

        with tr.use_sinks(book):
            trio.run(main, clock=MockClock())

        assert ["child.ready"] == book.names

    async def test_left_by_an_error(self):
        """
        Sinks are taken back however the block ends.
        """
        before = current_stream()
        with pytest.raises(OSError, match="bare"):
            with tr.use_sinks(Book()):
                raise OSError("bare")

        assert before is current_stream()

    @pytest.mark.parametrize("thing", [None, 5, "log", Book], ids=repr)
    def test_not_callable(self, thing):
        """
        What is no sink is refused before the block begins, and a class that was meant to be an object is none.
        """
        with pytest.raises(TypeError) as caught:
            with tr.use_sinks(Book(), thing):
                pytest.fail("the block began")

        assert f"A sink is a function or object that can be called with an event, and {thing!r} is none." == str(
            caught.value
        )

    def test_async(self):
        """
        An async sink is refused: nobody would await it.
        """

        async def post(event):
            pass

        class Poster:
            async def __call__(self, event):
                pass

        for sink in (post, functools.partial(post), Poster()):
            with pytest.raises(TypeError) as caught:
                with tr.use_sinks(sink):
                    pytest.fail("the block began")

        assert "A sink is called at once and cannot wait, so Poster must not be async." == str(caught.value)


class TestTakes:
    def test_without_sinks(self):
        """
        Where nobody listens, only warnings and errors are made at all.
        """
        with tr.use_sinks():
            stream = current_stream()

        assert [False, False, True, True] == [
            stream.takes(kind) for kind in (ChildRemoved, ChildReady, ChildFailed, SinkDropped)
        ]

    def test_with_sinks(self):
        """
        A sink gets events of every level.
        """
        with tr.use_sinks(Book()):
            stream = current_stream()

        assert [True, True, True, True] == [
            stream.takes(kind) for kind in (ChildRemoved, ChildReady, ChildFailed, SinkDropped)
        ]

    def test_where_logging_would_not_tell(self, caplog):
        """
        Without sinks a warning is made for `logging` alone, so not where that would drop it.
        """
        caplog.set_level(logging.ERROR, "trio_run")

        assert [False, True] == [current_stream().takes(kind) for kind in (ChildFailed, ChildLost)]
        assert 0 == failed()

    def test_everything_else_costs_one_comparison(self, monkeypatch):
        """
        With no sink in use an event below a warning is not made, and gets no number.
        """
        monkeypatch.setattr(ChildReady, "__init__", pytest.fail)

        assert 0 == ready()
        assert 0 == current_stream().send(ChildRemoved, "shop/db")


class TestASinkThatRaises:
    async def test_gets_no_more_events(self):
        """
        It is dropped, and the others do not notice but for the report.
        """
        fragile, book = Fragile(ChildFailed), Book()
        with tr.use_sinks(fragile, book):
            for event in (ready, failed, ready, failed):
                event()

        assert ["child.ready", "child.failed"] == fragile.taken.names
        assert ["child.ready", "child.failed", "sink.dropped", "child.ready", "child.failed"] == book.names

    async def test_is_reported_once(self, caplog):
        """
        The report says which, why and on what; it reaches the other sinks, and `logging` as well.
        """
        fragile, book = Fragile(ChildReady), Book()
        with tr.use_sinks(fragile, book):
            ready()
            ready()

        assert [
            SinkDropped(seq=2, time=trio.current_time(), path="shop/db", cause=1, sink="Fragile", error=fragile.error)
        ] == [event for event in book.events if isinstance(event, SinkDropped)]
        assert [("trio_run", logging.ERROR, "sink.dropped shop/db sink='Fragile'")] == caplog.record_tuples
        assert fragile.error is caplog.records[0].exc_info[1]

    @pytest.mark.parametrize("position", range(3))
    async def test_every_sink_gets_events_in_order(self, position):
        """
        Wherever the broken one stands, the others get the event first, and then the report of what it led to.
        """
        books = [Book(), Book()]
        sinks: list = list(books)
        sinks.insert(position, Fragile(ChildReady))
        with tr.use_sinks(*sinks):
            ready()

        assert [[1, 2], [1, 2]] == [book.seqs for book in books]

    async def test_on_the_report(self, caplog):
        """
        A sink that raises on the report of another is dropped and reported too, and so on to the last.
        """
        book = Book()
        with tr.use_sinks(Fragile(ChildReady), Fragile(SinkDropped), Fragile(SinkDropped), book):
            ready()

        assert ["child.ready", "sink.dropped", "sink.dropped", "sink.dropped"] == book.names
        assert [1, 2, 3, 4] == book.seqs
        assert [0, 1, 2, 2] == [event.cause for event in book.events]
        assert 3 == len(caplog.records)

    @pytest.mark.parametrize("order", list(itertools.permutations([ChildReady, SinkDropped, Event])))
    async def test_all_of_them(self, order, caplog):
        """
        If all raise, each gets one event too many at most, and all that is left to tell gets into the log.
        """
        sinks = [Fragile(kind) for kind in order]
        with tr.use_sinks(*sinks):
            ready()
            failed()

        assert [] == [sink for sink in sinks if len([e for e in sink.taken.events if isinstance(e, sink.kind)]) != 1]
        assert 3 == [record.message.split()[0] for record in caplog.records].count("sink.dropped")
        assert "child.failed shop/db#2 seconds=0.5" == caplog.records[-1].message

    async def test_is_told_apart_from_an_equal_one(self):
        """
        Of two sinks that are equal the one that raised is dropped.
        """

        class Alike(Book):
            def __eq__(self, other):
                return True

            __hash__ = None

        class Moody(Alike):
            def __call__(self, _event):
                raise OSError("not today")

        book = Alike()
        with tr.use_sinks(book, Moody()):
            ready()
            ready()

        assert ["child.ready", "sink.dropped", "child.ready"] == book.names

    async def test_given_twice(self, caplog):
        """
        A sink in two places is dropped from each place where it raises.
        """
        fragile = Fragile(ChildReady)
        with tr.use_sinks(fragile, fragile):
            ready()
            ready()

        assert ["child.ready", "child.ready"] == fragile.taken.names
        assert 2 == len(caplog.records)

    async def test_is_dropped_from_outer_blocks(self):
        """
        One that raised in an inner block gets nothing more from the outer one, and is not reported again.
        """
        fragile, inner, outer = Fragile(ChildReady), Book(), Book()
        with tr.use_sinks(fragile, outer):
            with tr.use_sinks(inner):
                ready()
            ready()

        assert ["child.ready"] == fragile.taken.names
        assert ["child.ready", "sink.dropped"] == inner.names
        assert ["child.ready", "sink.dropped", "child.ready"] == outer.names

    async def test_is_dropped_from_other_blocks(self, caplog):
        """
        One that raised in one block is gone from its neighbour too; where it was the last, `logging` takes over.
        """
        fragile, book = Fragile(ChildReady), Book()
        with tr.use_sinks(fragile):
            with tr.use_sinks():
                neighbour = current_stream()
            with tr.use_sinks(book):
                ready()
        caplog.clear()
        neighbour.send(JobFailed, "pool", error=OSError())

        assert ["child.ready"] == fragile.taken.names
        assert ["job.failed pool"] == caplog.messages

    async def test_never_hurts_what_it_watches(self):
        """
        A supervisor with a broken sink does its work.
        """
        done = []

        async def work():
            done.append("work")

        with tr.use_sinks(Fragile(Event)):
            async with tr.open_supervisor("shop", tr.Child(work, restart="on_failure")):
                await trio.sleep(1)

        assert ["work"] == done

    @pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, GeneratorExit])
    async def test_what_no_one_may_hold(self, error):
        """
        What is not an Exception goes on, and the sink stays.
        """
        book = Book()
        with tr.use_sinks(book, Fragile(ChildReady, error())):
            for _ in range(2):
                with pytest.raises(error):
                    ready()

        assert ["child.ready", "child.ready"] == book.names


class TestTheLastResort:
    @pytest.mark.parametrize("sinks", ["none", "empty", "dropped"])
    async def test_no_failure_passes_in_silence(self, sinks, caplog):
        """
        With no sink in use, or none left, warnings and errors reach `logging`, and nothing else does.
        """
        caplog.set_level(logging.DEBUG)
        error = ValueError("no number")
        stack = {"none": (), "empty": (tr.use_sinks(),), "dropped": (tr.use_sinks(Fragile(JobFailed)),)}[sinks]
        for block in stack:
            block.__enter__()
        if sinks == "dropped":
            current_stream().send(JobFailed, "pool", error=OSError())
            caplog.clear()
        ready()
        current_stream().send(ChildRemoved, "shop/db")
        failed(error=error)
        for block in stack:
            block.__exit__(None, None, None)

        assert [("trio_run", logging.WARNING, "child.failed shop/db#2 seconds=0.5")] == caplog.record_tuples
        assert (ValueError, error, None) == caplog.records[0].exc_info

    async def test_what_the_last_sink_could_not_take(self, caplog):
        """
        The very event that broke the last sink is not lost.
        """
        with tr.use_sinks(Fragile(ChildFailed)):
            failed()

        assert ["child.failed shop/db#2 seconds=0.5", "sink.dropped shop/db sink='Fragile'"] == caplog.messages

    async def test_short_events(self, caplog):
        """
        An event without life and details ends after the path.
        """
        current_stream().send(JobFailed, "pool", error=OSError("no route"))

        assert ["job.failed pool"] == caplog.messages

    async def test_with_sinks_logging_is_left_alone(self, caplog):
        """
        As long as a sink takes it, no failure is told twice.
        """
        with tr.use_sinks(Book()):
            failed()

        assert [] == caplog.messages

    async def test_logging_is_broken_too(self, capsys):
        """
        If even `logging` raises, that gets to stderr, and the next failure has its chance.
        """

        def refuse(record):
            raise RuntimeError("filter out of order")

        logger = logging.getLogger("trio_run")
        logger.addFilter(refuse)
        try:
            failed()
            failed()
        finally:
            logger.removeFilter(refuse)

        assert 2 == capsys.readouterr().err.count("RuntimeError: filter out of order")
