"""
What goes in comes out once, in order where that was asked for, and nothing is lost on the way but by being cancelled.
"""

import functools
import random

import pytest
import trio

import trio_run as tr
from trio_run import events
from trio_run.testing import cancel_everywhere


def into(items):
    """
    A sink that keeps what comes.
    """

    async def keep(item):
        items.append(item)

    return tr.sink(keep)


async def double(item):
    await trio.lowlevel.checkpoint()
    return 2 * item


async def fail_on_three(item):
    if item == 3:
        raise KeyError(item)
    return item


async def count(send, most):
    """
    A source that is a function.
    """
    for number in range(most):
        await send.send(number)


def countdown(most):
    """
    A generator function.
    """
    yield from range(most, 0, -1)


def by_name(pipeline):
    """
    The statistics of a pipeline, by the names of its parts.
    """
    return {each.name: each for each in pipeline.statistics()}


class TestItems:
    @pytest.mark.parametrize("buffer", [0, 1, 16])
    @pytest.mark.parametrize("workers", [1, 2, 7])
    @pytest.mark.parametrize("ordered", [True, False])
    async def test_all_come_through(self, buffer, workers, ordered):
        """
        Every item is done once; in order, where there is one worker or order was asked for.
        """
        chance = random.Random(buffer + workers)
        out = []

        async def work(item):
            await trio.sleep(chance.random())
            return item

        await tr.Pipeline(
            tr.source(range(50)), tr.stage(work, workers=workers, ordered=ordered), into(out), buffer=buffer
        ).run()

        assert list(range(50)) == (out if ordered or workers == 1 else sorted(out))

    async def test_workers_work_side_by_side(self):
        """
        So many workers do so many items at a time, in order or not.
        """
        for ordered in (True, False):
            before = trio.current_time()
            await tr.Pipeline(
                tr.source([1] * 12), tr.stage(trio.sleep, workers=4, ordered=ordered), into([]), buffer=12
            ).run()

            assert 3 == trio.current_time() - before

    async def test_no_stage(self):
        """
        A source and a sink make a pipeline.
        """
        out = []
        await tr.Pipeline(tr.source(["a", "b"]), into(out)).run()

        assert ["a", "b"] == out

    async def test_a_source_that_is_a_function(self):
        """
        It is called with a channel and its arguments, and need not close.
        """
        out = []
        await tr.Pipeline(tr.source(count, 3), tr.stage(double), into(out)).run()

        assert [0, 2, 4] == out

    async def test_a_source_that_is_async(self):
        """
        A memory channel is a source, and an async generator is closed in the end.
        """
        closed = []

        async def generate():
            try:
                for number in range(3):
                    await trio.lowlevel.checkpoint()
                    yield number
            finally:
                closed.append(True)

        send, receive = trio.open_memory_channel(3)
        for number in range(3):
            send.send_nowait(number)
        send.close()
        for origin in (receive, generate()):
            out = []
            await tr.Pipeline(tr.source(origin), into(out)).run()

            assert [0, 1, 2] == out
        assert [True] == closed

    async def test_spread(self):
        """
        A spread makes none, one or many of an item.
        """

        async def repeat(item, send):
            for _ in range(item):
                await send.send(item)

        out = []
        await tr.Pipeline(tr.source([0, 1, 3]), tr.spread(repeat), into(out)).run()

        assert [1, 3, 3, 3] == out

    async def test_fan_in(self):
        """
        Several sources are one.
        """
        out = []
        both = tr.fan_in(tr.source(range(3)), tr.fan_in(tr.source(count, 5)))
        pipeline = tr.Pipeline(both, into(out))
        await pipeline.run()

        assert [0, 0, 1, 1, 2, 2, 3, 4] == sorted(out)
        assert 8 == by_name(pipeline)["fan_in"].done

    async def test_fan_out(self):
        """
        Branches share the items: each goes to the one that is free.
        """

        async def slow(item):
            await trio.sleep(10)
            return item, "slow"

        async def fast(item):
            await trio.sleep(1)
            return item, "fast"

        async def tag(item):
            return *item, "tagged"

        out = []
        await tr.Pipeline(
            tr.source(range(11)), tr.fan_out(tr.stage(slow), [tr.stage(fast), tr.stage(tag)]), into(out), buffer=0
        ).run()

        assert list(range(11)) == sorted(item[0] for item in out)
        assert 1 == sum(item[1] == "slow" for item in out)
        assert all(item[2:] == ("tagged",) for item in out if item[1] == "fast")

    async def test_broadcast(self):
        """
        Every branch gets every item.
        """
        out = []
        await tr.Pipeline(
            tr.source(range(3)), tr.broadcast(tr.stage(double), [tr.stage(double), tr.stage(double)]), into(out)
        ).run()

        assert sorted([0, 2, 4, 0, 4, 8]) == sorted(out)

    async def test_a_sink_that_is_a_channel(self):
        """
        A channel gets the items, and is closed when there are no more.
        """
        send, receive = trio.open_memory_channel(1)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(tr.Pipeline(tr.source(range(4)), tr.sink(send)).run)

            assert [0, 1, 2, 3] == [item async for item in receive]

    async def test_backpressure(self):
        """
        A sink that does not take holds up the source: no more is under way than fits between the parts.
        """
        given = 0

        def numbers():
            nonlocal given
            while True:
                given += 1
                yield given

        gate = trio.Event()

        async def wait(_item):
            await gate.wait()

        pipeline = tr.Pipeline(tr.source(numbers()), tr.stage(double, name="double"), tr.sink(wait), buffer=4)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(pipeline.run)
            await trio.testing.wait_all_tasks_blocked()
            now = by_name(pipeline)
            nursery.cancel_scope.cancel()

        # One in the sink, four and four in the channels, one that double has in hand, one that the source has.
        assert 11 == given
        assert (4, 4) == (now["double"].waiting, now["wait"].waiting)
        assert (0, 1) == (now["wait"].done, now["wait"].busy)


class TestErrors:
    async def test_fail(self):
        """
        An error fails the pipeline; a note says where, an event tells of it at once, and everything ends.
        """
        log = []
        with tr.use_sinks(log.append), pytest.RaisesGroup(KeyError) as caught:
            await tr.Pipeline(tr.source(range(9)), tr.stage(fail_on_three), into([])).run()

        assert ["in pipeline/fail_on_three"] == caught.value.exceptions[0].__notes__
        assert [("stage.failed", "pipeline/fail_on_three")] == [
            (each.name, each.path) for each in log if isinstance(each, events.StageFailed)
        ]

    @pytest.mark.parametrize("workers", [1, 3])
    @pytest.mark.parametrize("ordered", [True, False])
    async def test_skip(self, workers, ordered):
        """
        An item that is to be skipped is left out, counted, and told of.
        """
        out, log = [], []
        picky = tr.stage(fail_on_three, workers=workers, ordered=ordered, on_error="skip")
        pipeline = tr.Pipeline(tr.source(range(5)), picky, into(out))
        with tr.use_sinks(log.append):
            await pipeline.run()

        assert [0, 1, 2, 4] == sorted(out)
        (skipped,) = [each for each in log if isinstance(each, events.StageSkipped)]
        assert ("3", KeyError) == (skipped.item, type(skipped.error))
        assert (4, 1, 0) == (
            by_name(pipeline)["fail_on_three"].done,
            by_name(pipeline)["fail_on_three"].skipped,
            by_name(pipeline)["fail_on_three"].busy,
        )

    async def test_dead_letters(self):
        """
        A channel may take what could not be done, with the error and the place.
        """
        send, receive = trio.open_memory_channel(9)
        with send, receive:
            await tr.Pipeline(tr.source(range(5)), tr.stage(fail_on_three, on_error=send), into([])).run()
            letter = receive.receive_nowait()

            assert ("pipeline/fail_on_three", 3, KeyError) == (letter.stage, letter.item, type(letter.error))
            with pytest.raises(trio.WouldBlock):
                receive.receive_nowait()

    async def test_nobody_takes_dead_letters(self):
        """
        Then the pipeline fails, with the error that would have been in the letter.
        """
        letters, nobody = trio.open_memory_channel(1)
        nobody.close()
        pipeline = tr.Pipeline(tr.source(range(9)), tr.stage(fail_on_three, on_error=letters), into([]))
        with letters, pytest.RaisesGroup(KeyError) as caught:
            await pipeline.run()

        assert (
            "and its dead letter could not be sent, since that channel is closed"
            in caught.value.exceptions[0].__notes__
        )
        assert (1, 0) == (by_name(pipeline)["fail_on_three"].failed, by_name(pipeline)["fail_on_three"].skipped)

    @pytest.mark.parametrize("ordered", [False, True])
    async def test_one_error_is_in_one_group(self, ordered):
        """
        Whatever the order of results, an error is where those of other parts are.
        """
        stage = tr.stage(fail_on_three, workers=2, ordered=ordered)
        with pytest.RaisesGroup(KeyError):
            await tr.Pipeline(tr.source(range(9)), stage, into([])).run()

    async def test_a_spread_that_closes_the_channel(self):
        """
        The error at the next item says what to leave.
        """

        async def send_all(item, send):
            async with send:
                await send.send(item)

        with pytest.RaisesGroup(trio.ClosedResourceError) as caught:
            await tr.Pipeline(tr.source([1, 2]), tr.spread(send_all), into([])).run()

        assert "do not close it" in caught.value.exceptions[0].__notes__[0]

    async def test_sinks_and_spreads(self):
        """
        Sinks and spreads have the same choice.
        """

        async def fail(_item, _send=None):
            raise KeyError

        log = []
        with tr.use_sinks(log.append):
            await tr.Pipeline(tr.source([1]), tr.sink(fail, on_error=tr.OnError.SKIP)).run()
            await tr.Pipeline(tr.source([1]), tr.spread(fail, on_error=tr.OnError.SKIP), into([])).run()

        assert 2 == sum(isinstance(each, events.StageSkipped) for each in log)

    async def test_a_source_that_fails(self):
        """
        An error of the source fails the pipeline.
        """

        async def break_off(send):
            await send.send(1)
            raise OSError

        with pytest.RaisesGroup(OSError):
            await tr.Pipeline(tr.source(break_off), into([])).run()

    async def test_leaked_cancelled(self):
        """
        A Cancelled that nobody sent is a failure.
        """

        async def leak(_item):
            with trio.CancelScope() as scope:
                scope.cancel()
                try:
                    await trio.lowlevel.checkpoint()
                except trio.Cancelled as exc:
                    kept = exc
            raise kept

        with pytest.RaisesGroup(tr.LeakedCancelled):
            await tr.Pipeline(tr.source([1]), tr.sink(leak)).run()

    async def test_nobody_takes(self):
        """
        A sink whose channel was closed by its reader fails the pipeline.
        """
        send, receive = trio.open_memory_channel(1)
        receive.close()
        with pytest.RaisesGroup(trio.BrokenResourceError):
            await tr.Pipeline(tr.source([1]), tr.sink(send)).run()


class TestStatistics:
    @pytest.mark.parametrize("ordered", [False, True])
    @pytest.mark.parametrize("end", ["done", "skip", "letters", "fail", "cancel"])
    async def test_each_item_counts_once(self, end, ordered):
        """
        Of what a part has begun, every item is done, skipped, failed or dropped in the end, and none is in hand.

        One that waited for its place in line was dropped without having begun.
        """
        begun = []

        async def work(item):
            begun.append(item)
            await trio.sleep(1)
            if end not in {"done", "cancel"} and item % 4 == 3:
                raise KeyError(item)

        letters, post = trio.open_memory_channel(99)
        on_error = {"skip": "skip", "letters": letters}.get(end, "fail")
        stage = tr.stage(work, workers=3, ordered=ordered, on_error=on_error)
        pipeline = tr.Pipeline(tr.source(range(20)), stage, into([]))
        with letters, post, trio.move_on_after(2.5 if end == "cancel" else 99):
            try:
                await pipeline.run()
            except* KeyError:
                assert "fail" == end

        now = by_name(pipeline)["work"]
        assert now.done + now.skipped + now.failed + now.dropped - len(begun) in {0, ordered and now.dropped > 0}
        assert (0, 0) == (now.busy, now.waiting)
        assert (5 if end in {"skip", "letters"} else 0) == now.skipped
        assert ("fail" == end) == (now.failed > 0)
        assert (3 if end == "cancel" else now.dropped * ("fail" == end)) == now.dropped

    @pytest.mark.parametrize("ordered", [False, True])
    async def test_no_more_in_hand_than_workers(self, ordered):
        """
        The next item is in front of a part until a worker takes it.
        """
        busy = []

        async def work(item):
            busy.append(by_name(pipeline)["work"].busy)
            await trio.sleep(1 + item % 3)

        pipeline = tr.Pipeline(tr.source(range(20)), tr.stage(work, workers=3, ordered=ordered), into([]))
        await pipeline.run()

        assert 3 == max(busy)


class TestStop:
    @pytest.mark.parametrize("origin", ["function", "iterable", "async iterable"])
    async def test_soft_stop_drains(self, origin):
        """
        Asked to stop, the source stops, what is under way is done to the end, and no item is lost.
        """
        taken, out = [], []

        def numbers():
            while True:
                taken.append(len(taken))
                yield taken[-1]

        async def work(item):
            await trio.sleep(1)
            return item

        async def send_numbers(send):
            for number in numbers():
                await send.send(number)

        async def generate():
            every = numbers()
            while True:
                await trio.lowlevel.checkpoint()
                yield next(every)

        made = {"function": send_numbers, "iterable": numbers(), "async iterable": generate()}
        for name, each in made.items():
            if name != origin and name == "async iterable":
                await each.aclose()
        pipeline = tr.Pipeline(
            tr.source(made[origin]), tr.stage(work, workers=3, ordered=True), into(out), buffer=2, name="flow"
        )
        async with tr.open_supervisor("shop", tr.Child(pipeline, grace=60)) as shop:
            await trio.sleep(10.5)
            await shop.stop("flow")

        assert len(out) > 30
        assert taken == out

    @pytest.mark.parametrize("is_async", [True, False])
    async def test_a_generator_is_closed(self, is_async):
        """
        What a source has opened is closed when it stops, a nursery too, and not only when the pipeline is forgotten.
        """
        log, out = [], []

        def numbers():
            try:
                yield from range(1000)
            finally:
                log.append("closed")

        async def generate():
            async with trio.open_nursery() as nursery:
                nursery.start_soon(trio.sleep_forever)
                for number in numbers():
                    yield number

        async def work(item):
            await trio.sleep(1)
            return item

        origin = generate() if is_async else numbers()
        pipeline = tr.Pipeline(tr.source(origin), tr.stage(work), into(out), buffer=1, name="flow")
        async with tr.open_supervisor("shop", tr.Child(pipeline, grace=60)) as shop:
            await trio.sleep(5.5)
            await shop.stop("flow")

        assert ["closed"] == log
        assert list(range(len(out))) == out

    async def test_cancelled_from_outside(self):
        """
        Cancelled, it ends at once.
        """
        pipeline = tr.Pipeline(tr.source([1] * 99), tr.stage(trio.sleep, workers=3), into([]))
        with trio.move_on_after(2.5) as scope:
            await pipeline.run()

        assert scope.cancelled_caught
        assert 2.5 == trio.current_time()
        assert "<Pipeline pipeline: 3 parts, not running>" == repr(pipeline)

    async def test_a_source_that_sends_from_several_tasks(self):
        """
        Asked to stop, it sends what each of its tasks was sending, and no more.
        """
        taken, out = [], []

        async def send_one_by_one(send):
            while True:
                taken.append(len(taken))
                await send.send(taken[-1])

        async def send_all(send):
            async with trio.open_nursery() as nursery:
                for _ in range(3):
                    nursery.start_soon(send_one_by_one, send)

        async def keep(item):
            await trio.sleep(1)
            out.append(item)

        pipeline = tr.Pipeline(tr.source(send_all), tr.sink(keep), buffer=0, name="flow")
        async with tr.open_supervisor("shop", tr.Child(pipeline, grace=60)) as shop:
            await trio.sleep(10.5)
            await shop.stop("flow")

        assert taken == sorted(out)

    @pytest.mark.parametrize("as_function", [False, True])
    async def test_an_item_on_its_way_through_the_source(self, as_function):
        """
        What a source has received is sent, also if it is asked to stop before it comes to send it.
        """
        send, receive = trio.open_memory_channel(0)
        out = []

        async def pass_on(to):
            async for item in receive:
                await to.send(item)

        pipeline = tr.Pipeline(tr.source(pass_on if as_function else receive), into(out), name="flow")
        shop = tr.Supervisor("shop", pipeline)
        with send, receive:
            async with trio.open_nursery() as nursery:
                await nursery.start(shop.run)
                await trio.testing.wait_all_tasks_blocked()
                shop.request_stop()
                send.send_nowait("in hand")

        assert ["in hand"] == out
        assert (1, 1) == tuple(each.done for each in pipeline.statistics())

    async def test_when_it_is_too_late_to_begin(self):
        """
        Run by a child that was asked to stop already, an iterable is asked for no item.
        """
        numbers, out = iter(range(10)), []

        async def run_late():
            await tr.wait_stopping()
            await tr.Pipeline(tr.source(numbers), into(out)).run()

        async with tr.open_supervisor("shop", run_late):
            await trio.testing.wait_all_tasks_blocked()

        assert (0, []) == (next(numbers), out)

    async def test_one_that_waits_in_its_source(self):
        """
        A source that waits for something else than room is ended by a request to stop.
        """
        pipeline = tr.Pipeline(tr.source(wait_and_send), into([]), name="flow")
        async with tr.open_supervisor("shop", pipeline) as shop:
            await trio.sleep(1)
            await shop.stop("flow")

        assert 1 == trio.current_time()

    @pytest.mark.everywhere_allow("its first life fails", raises=OSError)
    async def test_a_life_of_its_own(self):
        """
        A pipeline that failed is run again by its supervisor, from a fresh call of its source.
        """
        out, broken = [], [True]

        async def break_once(item):
            if item == 2 and broken:
                broken.clear()
                raise OSError
            return item

        pipeline = tr.Pipeline(tr.source(count, 4), tr.stage(break_once), into(out))
        async with tr.open_supervisor("shop") as shop:
            await shop.start_soon(tr.Child(pipeline, restart="on_failure")).wait()

        assert [0, 1, 2, 3] == out[-4:]

    async def test_twice_at_a_time(self):
        """
        To run it twice at a time is a mistake.
        """
        pipeline = tr.Pipeline(tr.source([1]), tr.sink(trio.sleep))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(pipeline.run)
            await trio.testing.wait_all_tasks_blocked()
            with pytest.raises(RuntimeError, match="runs already"):
                await pipeline.run()

    @pytest.mark.parametrize("ordered", [True, False])
    def test_survives_cancellation_anywhere(self, ordered):
        """
        Cancelled at any point, a pipeline leaves nothing behind.
        """

        async def main():
            await tr.Pipeline(
                tr.source(count, 3),
                tr.stage(double, workers=2, ordered=ordered),
                tr.broadcast(tr.stage(double), tr.stage(double)),
                into([]),
                buffer=1,
            ).run()

        assert [] == list(cancel_everywhere(main).findings)


async def wait_and_send(send):
    """
    A source that never gets to send.
    """
    await trio.sleep_forever()
    await send.send(1)


class TestConstruction:
    @pytest.mark.parametrize(
        ("make", "kind", "words"),
        [
            (lambda: tr.source(len), TypeError, "no async function: write `async def`"),
            (lambda: tr.source("abc"), TypeError, "'abc' does neither"),
            (lambda: tr.source(3), TypeError, "3 does neither"),
            (lambda: tr.source([1], 2), TypeError, "list is not called"),
            (lambda: tr.source(count(None, 3)), TypeError, r"it says count\(...\) where it should say count"),
            (tr.fan_in, ValueError, "one or more"),
            (lambda: tr.fan_in([1]), TypeError, "make one with source"),
            (lambda: tr.stage(len), TypeError, "no async function"),
            (lambda: tr.stage(double, workers=0), ValueError, "one worker or more, not 0"),
            (lambda: tr.stage(double, workers=2.0), TypeError, "whole number, not 2.0"),
            (lambda: tr.stage(double, on_error="explode"), ValueError, "no OnError. It can be 'fail', 'skip'"),
            (lambda: tr.stage(double, on_error=5), TypeError, "or a channel to send dead letters to, not 5"),
            (lambda: tr.stage(double(1)), TypeError, r"it says double\(...\) where it should say double"),
            (lambda: tr.stage(count), TypeError, "missing a required argument: 'most'"),
            (lambda: tr.spread(double), TypeError, r"cannot be called with the arguments \(an item, a channel\)"),
            (lambda: tr.sink(lambda: None), TypeError, r"cannot be called with the arguments \(an item,\)"),
            (lambda: tr.source(count, 1, 2), TypeError, "too many positional arguments"),
            (lambda: tr.source(countdown), TypeError, r"call it: source\(countdown\(\)\)"),
            (lambda: tr.stage(countdown), TypeError, "spread\\(\\) takes a function of an item and a channel"),
            (tr.fan_out, ValueError, "one branch or more"),
            (lambda: tr.broadcast([]), ValueError, "one branch or more"),
            (lambda: tr.fan_out(tr.sink(double)), TypeError, "fan_out is made of stages"),
            (tr.Pipeline, TypeError, r"begins with a source\(\) and ends in a sink"),
            (lambda: tr.Pipeline(tr.source([1]), tr.stage(double)), TypeError, "begins with"),
            (lambda: tr.Pipeline(tr.source([1]), double, tr.sink(double)), TypeError, "made of stages"),
            (lambda: tr.Pipeline(tr.source([1]), tr.sink(double), buffer=-1), ValueError, "0 items or more"),
            (lambda: tr.Pipeline(tr.source([1]), tr.sink(double), buffer=1.5), TypeError, "number of items"),
        ],
    )
    def test_what_does_not_fit_is_refused(self, make, kind, words):
        """
        Bad arguments are refused before anything runs.
        """
        with pytest.raises(kind, match=words):
            make()

    async def test_lambdas_and_partials(self):
        """
        What a function needs besides the item goes into either.
        """

        async def add(number, item, *, to=None):
            return item + number if to is None else to.append(item)

        out = []
        stage = tr.stage(functools.partial(add, 1), workers=2, ordered=True)
        source = tr.source(lambda send: count(send, 3))
        await tr.Pipeline(
            source, stage, tr.stage(lambda item: add(10, item)), tr.sink(lambda item: add(0, item, to=out))
        ).run()

        assert [11, 12, 13] == out

    async def test_a_lambda_that_is_not_async(self):
        """
        That shows when it is called.
        """
        with pytest.RaisesGroup(pytest.RaisesExc(TypeError, match="lambda is not async: it returned 1")):
            await tr.Pipeline(tr.source([0]), tr.stage(lambda item: item + 1), into([])).run()

    def test_no_statistics_before_the_first_run(self):
        """
        There is nothing to see before it runs.
        """
        assert () == tr.Pipeline(tr.source([1]), tr.sink(double)).statistics()
