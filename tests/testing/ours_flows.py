"""
Small programs that use pipelines, actors, coalescers and maps, to be run on many schedules: each states what holds whatever the order.
"""

import contextlib
import functools
import itertools
import math

import trio

from trio_run import (
    Actor,
    Actors,
    Child,
    Closed,
    DeadLetter,
    OnExit,
    Pipeline,
    Supervisor,
    SupervisorNotRunning,
    broadcast,
    fan_in,
    fan_out,
    open_coalescer,
    open_pool,
    run_actors,
    sink,
    source,
    spread,
    stage,
    wait_stopping,
)


class Line:
    """
    A conveyor of numbers, that knows which of them came in and which came out.
    """

    def __init__(self, *, last=6, fails_on=()):
        self.last, self.fails_on = last, fails_on
        self.given, self.out, self.letters = [], [], []
        self.at_it = 0

    async def give(self, send, first=0):
        """
        A source that is a function.
        """
        for number in range(first, first + self.last):
            self.given.append(number)
            await send.send(number)

    def numbers(self):
        """
        A source that is an iterable.
        """
        for number in range(self.last):
            self.given.append(number)
            yield number

    async def work(self, number):
        """
        A stage.
        """
        self.at_it += 1
        try:
            await trio.lowlevel.checkpoint()
            if number in self.fails_on:
                raise OSError(number)
            if number % 2:
                await trio.lowlevel.checkpoint()
        finally:
            self.at_it -= 1
        return number

    async def twice(self, number, send):
        """
        A stage that makes two of one.
        """
        await send.send(number)
        await send.send(number)

    async def take(self, number):
        """
        A sink.
        """
        await trio.lowlevel.checkpoint()
        self.out.append(number)

    @contextlib.contextmanager
    def box(self):
        """
        A channel for dead letters, the items of which are there afterwards.
        """
        send, receive = trio.open_memory_channel(math.inf)
        with send, receive:
            yield send
            with contextlib.suppress(trio.WouldBlock):
                while True:
                    letter = receive.receive_nowait()
                    assert isinstance(letter, DeadLetter)
                    self.letters.append(letter.item)


async def run_and_stop(pipeline, after):
    """
    Run *pipeline* under a supervisor, which is asked to stop after so many checkpoints.
    """
    shop = Supervisor("shop", Child(pipeline, restart="never", grace=math.inf))

    async def stop():
        for _ in range(after):
            await trio.lowlevel.checkpoint()
        with contextlib.suppress(SupervisorNotRunning):
            shop.request_stop()

    async with trio.open_nursery() as nursery:
        await nursery.start(shop.run)
        nursery.start_soon(stop)


async def ordered_stage():
    """
    Items come in order, whichever of the workers was done first.
    """
    line = Line()
    await Pipeline(source(line.numbers()), stage(line.work, workers=3, ordered=True), sink(line.take), buffer=1).run()
    assert line.out == list(range(6))


async def ordered_stage_skips():
    """
    Items that fail leave no gap for others to fall into.
    """
    line = Line(fails_on={0, 3, 5})
    middle = stage(line.work, workers=2, ordered=True, on_error="skip")
    await Pipeline(source(line.numbers()), middle, sink(line.take), buffer=0).run()
    assert line.out == [1, 2, 4]


async def ordered_stage_fails():
    """
    One item ends the pipeline: its error is the only one, and nothing is at work any more.
    """
    line = Line(fails_on={2, 3})
    caught = None
    try:
        await Pipeline(source(line.numbers()), stage(line.work, workers=3, ordered=True), sink(line.take)).run()
    except ExceptionGroup as error:
        caught = error
    assert caught is not None
    assert caught.subgroup(lambda error: not isinstance(error, OSError | ExceptionGroup)) is None
    assert line.at_it == 0
    assert line.out == list(range(len(line.out)))


async def ordered_stage_stops():
    """
    Asked to stop at any moment, all that was given comes out, in order.
    """
    line = Line(last=20)
    middle = stage(line.work, workers=3, ordered=True)
    await run_and_stop(Pipeline(source(line.give), middle, sink(line.take), buffer=1), after=6)
    assert line.out == line.given == list(range(len(line.out)))


async def dead_letters():
    """
    Each item comes out, or is a dead letter.
    """
    line = Line(fails_on={1, 4})
    with line.box() as post:
        await Pipeline(source(line.numbers()), stage(line.work, workers=2, on_error=post), sink(line.take)).run()
    assert sorted(line.out) == [0, 2, 3, 5]
    assert sorted(line.letters) == [1, 4]


async def dead_letters_of_one_that_stops():
    """
    Asked to stop at any moment, no item is lost between those that came out and the dead letters.
    """
    line = Line(last=20, fails_on=range(0, 20, 3))
    with line.box() as post:
        middle = stage(line.work, workers=3, ordered=True, on_error=post)
        await run_and_stop(Pipeline(source(line.give), middle, sink(line.take), buffer=1), after=6)
    assert sorted(line.out + line.letters) == line.given


async def dead_letters_of_a_sink():
    """
    A sink may have dead letters too.
    """
    line = Line(fails_on={1, 4})

    async def take(number):
        line.out.append(await line.work(number))

    with line.box() as post:
        await Pipeline(source(line.numbers()), sink(take, workers=2, on_error=post)).run()
    assert sorted(line.out + line.letters) == line.given
    assert sorted(line.letters) == [1, 4]


async def nobody_reads_dead_letters():
    """
    Who fails is held up until its letter is taken: the reader may be a task beside the pipeline.
    """
    line = Line(fails_on={0, 1, 2})
    post, box = trio.open_memory_channel(0)
    pipeline = Pipeline(source(line.numbers()), stage(line.work, workers=2, on_error=post), sink(line.take), buffer=0)

    async def read():
        async for letter in box:
            line.letters.append(letter.item)

    with box, post:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(read)
            await pipeline.run()
            post.close()
    assert sorted(line.out + line.letters) == line.given


async def fanned_out():
    """
    Each item goes one way of several.
    """
    line = Line()
    ways = fan_out(stage(line.work, name="a"), [stage(line.work, name="b"), stage(line.work, name="c")])
    await Pipeline(source(line.numbers()), ways, sink(line.take), buffer=1).run()
    assert sorted(line.out) == line.given


async def fanned_out_and_stopped():
    """
    Asked to stop at any moment, each item that was given has gone one way.
    """
    line = Line(last=20)
    ways = fan_out(stage(line.work, name="a"), [stage(line.work, name="b"), stage(line.work, name="c")])
    await run_and_stop(Pipeline(source(line.give), ways, sink(line.take), buffer=0), after=6)
    assert sorted(line.out) == line.given


async def broadcast_to_all():
    """
    Each item goes all ways.
    """
    line = Line()
    ways = broadcast(stage(line.work, name="a"), [stage(line.work, name="b"), stage(line.work, name="c")])
    await Pipeline(source(line.numbers()), ways, sink(line.take), buffer=1).run()
    assert sorted(line.out) == sorted(line.given * 2)


async def broadcast_and_stopped():
    """
    Asked to stop at any moment, each item that was given has gone all ways.
    """
    line = Line(last=20)
    ways = broadcast(stage(line.work, name="a"), [stage(line.work, name="b"), stage(line.work, name="c")])
    await run_and_stop(Pipeline(source(line.give), ways, sink(line.take), buffer=0), after=6)
    assert sorted(line.out) == sorted(line.given * 2)


async def broadcast_and_one_fails():
    """
    A branch that fails ends the pipeline, with its error and no other.
    """
    good, bad = Line(), Line(fails_on={2})
    ways = broadcast(stage(good.work, name="a"), stage(bad.work, name="b"))
    caught = None
    try:
        await Pipeline(source(good.numbers()), ways, sink(good.take), buffer=0).run()
    except ExceptionGroup as error:
        caught = error
    assert caught is not None
    assert [str(error) for error in caught.exceptions] == ["2"]
    assert good.at_it == bad.at_it == 0


async def fanned_in_and_stopped():
    """
    Several sources are asked to stop at any moment: what any of them gave comes out.
    """
    line = Line(last=10)
    sources = fan_in(source(line.give), source(line.give, 100))
    middle = spread(line.twice, workers=2)
    await run_and_stop(Pipeline(sources, middle, sink(line.take, workers=2), buffer=1), after=6)
    assert sorted(line.out) == sorted(line.given * 2)


async def iterable_is_stopped():
    """
    An iterable is asked for no more items: all it gave comes out.
    """
    line = Line()
    numbers = itertools.count()

    def endless():
        for number in numbers:
            line.given.append(number)
            yield number

    await run_and_stop(Pipeline(source(endless()), stage(line.work), sink(line.take), buffer=1), after=6)
    assert line.out == line.given


async def into_a_channel_and_stopped():
    """
    A sink that is a channel is closed in the end, and what was given has gone through it.
    """
    line = Line(last=20)
    send, receive = trio.open_memory_channel(0)

    async def read():
        async for number in receive:
            line.out.append(number)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(read)
        pipeline = Pipeline(source(line.give), stage(line.work, workers=2, ordered=True), sink(send), buffer=1)
        await run_and_stop(pipeline, after=6)
    assert line.out == line.given


async def pipeline_into_pipeline():
    """
    Two pipelines are joined by a channel: the second ends when the first has.
    """
    line = Line()
    send, receive = trio.open_memory_channel(1)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(Pipeline(source(line.numbers()), sink(send), name="first").run)
        nursery.start_soon(Pipeline(source(receive), stage(line.work), sink(line.take), name="second").run)
    assert line.out == line.given


async def actors_end_together():
    """
    The first exit interrupts the rest, each once, and all are gone.
    """
    log = []

    def actor(name):
        end = trio.Event()

        async def execute():
            log.append(f"{name} begins")
            await end.wait()
            log.append(f"{name} ends")

        def interrupt():
            log.append(f"{name} interrupted")
            end.set()

        return Actor(execute, interrupt=interrupt, name=name)

    await run_actors(actor("a"), actor("b"), trio.lowlevel.checkpoint)
    for name in "ab":
        assert sorted(line for line in log if line.startswith(name)) == [
            f"{name} begins",
            f"{name} ends",
            f"{name} interrupted",
        ]
        assert log.index(f"{name} ends") > log.index(f"{name} interrupted")


async def actors_fail_at_one_moment():
    """
    Two actors fail at one moment, and an interrupt as well: all errors are kept.
    """

    async def fail(error):
        await trio.lowlevel.checkpoint()
        raise error

    def interrupt():
        raise KeyError

    caught = None
    try:
        await run_actors(
            Actor(fail, OSError(), name="a"),
            Actor(fail, ValueError(), name="b"),
            Actor(wait_stopping, interrupt=interrupt, grace=1, name="c"),
        )
    except ExceptionGroup as error:
        caught = error
    assert caught is not None
    kinds = {type(error) for error in caught.exceptions}
    assert {KeyError} < kinds <= {OSError, ValueError, KeyError}


async def actor_is_added_as_they_end():
    """
    An actor is added while the others end: it runs and is interrupted, or is refused.
    """
    actors, told, began = Actors(trio.lowlevel.checkpoint), [], []

    async def late():
        began.append("late")
        await wait_stopping()

    async def add():
        await trio.lowlevel.checkpoint()
        try:
            actors.add(Actor(late, name="late"))
            told.append("added")
        except Closed:
            told.append("refused")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(actors.run)
        nursery.start_soon(add)
    assert len(told) == 1
    # Added before or after the run, it waits for another one.
    assert told == ["added"] or not began


async def actors_of_all_kinds():
    """
    Optional ones may return, and daemons end with the last that matters.
    """
    log = []

    async def optional():
        await trio.lowlevel.checkpoint()
        log.append("optional")

    async def daemon():
        try:
            await trio.sleep_forever()
        finally:
            log.append("daemon")

    async def work():
        for _ in range(4):
            await trio.lowlevel.checkpoint()
        log.append("work")

    await run_actors(
        Actor(optional, on_exit=OnExit.OPTIONAL),
        Actor(daemon, on_exit="daemon", grace=1),
        Actor(work, on_exit="optional"),
    )
    assert sorted(log) == ["daemon", "optional", "work"]
    assert log[-1] == "daemon"


async def actors_are_stopped():
    """
    A set of actors is a child, and is asked to stop while one of them ends by itself: all are interrupted once.
    """
    interrupted = []

    def actor(name, execute):
        return Actor(execute, interrupt=functools.partial(interrupted.append, name), name=name, grace=0)

    actors = Actors(actor("a", trio.sleep_forever), actor("b", trio.lowlevel.checkpoint))
    await run_and_stop(actors, after=3)
    assert sorted(interrupted) in ([], ["a", "b"])


class Flights:
    """
    Work for a coalescer, of which there may be one at a time for a key.
    """

    def __init__(self):
        self.now = self.began = 0

    async def fly(self, value=None, *, error=None):
        """
        Return *value*, in a while.
        """
        self.now += 1
        self.began += 1
        try:
            await trio.lowlevel.checkpoint()
            await trio.lowlevel.checkpoint()
            if error is not None:
                raise error
            return value
        finally:
            self.now -= 1


async def callers_come_and_go():
    """
    Some callers leave: those who stay have the value, and nothing flies afterwards.
    """
    flights, got = Flights(), []
    async with open_coalescer() as coalescer:

        async def ask(scope):
            with scope:
                got.append(await coalescer.coalesce("key", flights.fly, 7))

        async with trio.open_nursery() as nursery:
            scopes = [trio.CancelScope() for _ in range(4)]
            for scope in scopes:
                nursery.start_soon(ask, scope)
            await trio.lowlevel.checkpoint()
            scopes[0].cancel(reason="the test")
            scopes[2].cancel(reason="the test")
    assert flights.now == 0
    assert 2 <= len(got) <= 4
    assert set(got) == {7}


async def last_caller_leaves_as_another_comes():
    """
    The last caller leaves while another one comes: the other has a value, of that flight or of its own.
    """
    flights, got = Flights(), []
    async with open_coalescer() as coalescer:

        async def ask(scope):
            with scope:
                got.append(await coalescer.coalesce("key", flights.fly, 7))

        async with trio.open_nursery() as nursery:
            scope = trio.CancelScope()
            nursery.start_soon(ask, scope)
            await trio.lowlevel.checkpoint()
            nursery.start_soon(ask, trio.CancelScope())
            scope.cancel(reason="the test")
    assert flights.now == 0
    assert 1 <= len(got) <= 2
    assert flights.began <= 2


async def flight_fails():
    """
    A flight fails: all its callers have the error, each one of his own.
    """
    flights, got = Flights(), []
    async with open_coalescer() as coalescer:

        async def ask():
            try:
                await coalescer.coalesce("key", functools.partial(flights.fly, error=OSError("lost")))
            except OSError as error:
                got.append(error)

        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(ask)
    assert len({id(error) for error in got}) == 3
    assert {str(error) for error in got} == {"lost"}


async def coalescer_is_cancelled():
    """
    A coalescer is cancelled while it is used from elsewhere: each caller has the value or is told.
    """
    flights, told = Flights(), []

    async with trio.open_nursery() as nursery:

        async def ask(coalescer):
            try:
                told.append(await coalescer.coalesce("key", flights.fly, 7))
            except Closed:
                told.append("closed")

        with trio.CancelScope() as scope:
            async with open_coalescer() as coalescer:
                nursery.start_soon(ask, coalescer)
                nursery.start_soon(ask, coalescer)
                await trio.lowlevel.checkpoint()
                scope.cancel(reason="the test")
                await trio.lowlevel.checkpoint()
    assert len(told) == 2
    assert set(told) <= {7, "closed"}
    assert flights.now == 0


async def map_is_left_for_good():
    """
    A map is left after its first outcome: what it still had to do is cancelled, and nobody waits for it.
    """
    async with open_pool(2) as pool:

        async def work(number):
            await trio.lowlevel.checkpoint()
            if number:
                await trio.sleep(1000)

        async with pool.map(work, itertools.count(), order="completion", window=3) as outcomes:
            assert (await anext(outcomes)).item == 0
    assert trio.current_time() < 1000


async def map_over_a_channel_is_left():
    """
    A map over what others send is left: it takes no more from the channel, and begins no more.
    """
    send, receive = trio.open_memory_channel(0)
    async with trio.open_nursery() as nursery, open_pool(1) as pool:

        async def give():
            with contextlib.suppress(trio.BrokenResourceError):
                async with send:
                    for number in range(9):
                        await send.send(number)

        nursery.start_soon(give)
        async with receive:
            async with pool.map(lambda number: trio.sleep(1000 * bool(number)), receive) as outcomes:
                assert (await anext(outcomes)).item == 0
    assert trio.current_time() < 1000


FLOWS = [
    ordered_stage,
    ordered_stage_skips,
    ordered_stage_fails,
    ordered_stage_stops,
    dead_letters,
    dead_letters_of_one_that_stops,
    dead_letters_of_a_sink,
    nobody_reads_dead_letters,
    fanned_out,
    fanned_out_and_stopped,
    broadcast_to_all,
    broadcast_and_stopped,
    broadcast_and_one_fails,
    fanned_in_and_stopped,
    iterable_is_stopped,
    into_a_channel_and_stopped,
    pipeline_into_pipeline,
    actors_end_together,
    actors_fail_at_one_moment,
    actor_is_added_as_they_end,
    actors_of_all_kinds,
    actors_are_stopped,
    callers_come_and_go,
    last_caller_leaves_as_another_comes,
    flight_fails,
    coalescer_is_cancelled,
    map_is_left_for_good,
    map_over_a_channel_is_left,
]
