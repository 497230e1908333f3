"""
What may stand for a runner, how each life of it begins, and what is refused with which words.
"""

import asyncio
import contextlib
import functools
import gc
import types
import warnings
from collections.abc import Awaitable

import pytest
import trio
from trio.testing import assert_checkpoints

import trio_run as tr
from tests.runners import (
    AwaitableRunner,
    Blocking,
    BorrowedRun,
    Box,
    BoxedStatic,
    Caller,
    ClassRun,
    Decorated,
    Demanding,
    LoggedCall,
    LoggedRun,
    PartialRun,
    Quiet,
    Server,
    StaticRun,
    Yielding,
    block,
    echo,
    generate,
    logged,
    make_blocking,
    make_box,
    make_nothing,
    make_number,
    make_quiet,
    make_secret,
    make_server,
    serve,
)
from trio_run._runner import Recipe, adapt, is_async

HELP = (
    "A runner is an async function: write `async def`.\n"
    "If it blocks, run it in a thread with trio.to_thread.run_sync. If it is a factory that makes a runner, annotate it "
    "with the class it makes, as in `-> Server`."
)


async def live(recipe: Recipe, status=trio.TASK_STATUS_IGNORED):
    """
    Run one life.
    """
    return await recipe.begin(status)


class Status:
    """
    A task status that keeps what it is given.
    """

    def __init__(self):
        self.values = []

    def started(self, value=None):
        """
        Note the value.
        """
        self.values.append(value)


def refusal(runner, *args):
    """
    How a runner is refused.
    """
    with pytest.raises(TypeError) as caught:
        adapt(runner, args)
    return str(caught.value)


class TestEveryLife:
    """
    How a life of each kind of runner begins, and what comes of it.
    """

    @pytest.mark.parametrize(
        ("runner", "args", "result"),
        [
            (echo, (), ((), {})),
            (echo, (1, "b"), ((1, "b"), {})),
            (functools.partial(echo, 1, c=3), (2,), ((1, 2), {"c": 3})),
            (functools.partial(functools.partial(echo, 1), 2), (), ((1, 2), {})),
            (functools.partial(serve, host="h"), (80,), (80, "h")),
            (serve, (80,), (80, "::")),
            (Server(80, host="h"), (), (80, "h")),
            (Server(80).run, (), (80, "::")),
            (functools.partial(Server(80).run), (), (80, "::")),
            (Server.audit, (80,), ("Server", 80)),
            (Server.check, (80,), 80),
            (functools.partial(Server.check, 80), (), 80),
            (BoxedStatic.__dict__["check"], (80,), 80),
            (Caller(), (80,), 80),
            (functools.partial(Caller(), 80), (), 80),
            (LoggedCall(), (), "called"),
            (logged(serve), (80,), (80, "::")),
            (functools.partial(logged(serve), host="h"), (80,), (80, "h")),
            (Decorated(serve), (80,), (80, "::")),
            (lambda: echo(1), (), ((1,), {})),
            (lambda port, task_status: serve(port, task_status=task_status), (80,), (80, "::")),
            (functools.partial(lambda a, b: echo(b, a), 1), (2,), ((2, 1), {})),
            (StaticRun(), (), "static"),
            (StaticRun, (), "static"),
            (ClassRun(), (), "ClassRun"),
            (ClassRun, (), "ClassRun"),
            (PartialRun(), (), (7, "::")),
            (BorrowedRun, (), "called"),
            (Server, (80,), (80, "::")),
            (functools.partial(Server, host="h"), (80,), (80, "h")),
            (functools.partial(Server, 80), (), (80, "::")),
            (Server.locally, (80,), (80, "::1")),
            (functools.partial(Server.locally, 80), (), (80, "::1")),
            (make_server, (None, 80), (80, "::")),
            (functools.partial(make_server, None, port=80), (), (80, "::")),
            (logged(make_server), (None,), (1, "::")),
            (make_box, (), 7),
            (Box[int], (7,), 7),
            (functools.partial(Box[int], 7), (), 7),
            (types.SimpleNamespace(run=serve), (80,), (80, "::")),
        ],
    )
    async def test_result(self, runner, args, result):
        """
        Whatever stands for a runner can be run as often as need be, and what it returns comes out.
        """
        recipe = adapt(runner, args)

        assert [result, result] == [await live(recipe), await live(recipe)]

    @pytest.mark.parametrize(
        ("runner", "args"),
        [
            (Server, (80,)),
            (functools.partial(Server, host="h"), (80,)),
            (Server.locally, (80,)),
            (make_server, (None,)),
        ],
    )
    async def test_fresh_instance(self, runner, args):
        """
        With a class or an annotated factory no object is made ahead, and each life gets its own.
        """
        before = Server.made
        recipe = adapt(runner, args)
        made = [Server.made - before]
        for _ in range(3):
            await live(recipe)
            made.append(Server.made - before)

        assert [0, 1, 2, 3] == made

    async def test_one_instance(self):
        """
        An object is the same in all its lives.
        """
        quiet = Quiet()
        recipe = adapt(quiet, ())

        assert [quiet, quiet] == [await live(recipe), await live(recipe)]

    async def test_awaitable_with_a_run(self):
        """
        A runner that happens to be awaitable is run, not awaited.
        """
        runner = AwaitableRunner()

        assert runner is await live(adapt(runner, ()))

    async def test_supervisor(self):
        """
        A supervisor is a runner like any other, and says when it is ready.
        """
        recipe, status = adapt(tr.Supervisor("shop", tr.Child(echo, restart="on_failure")), ()), Status()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(live, recipe, status)
            await trio.sleep(1)
            nursery.cancel_scope.cancel(reason="for the test")

        assert (True, [None]) == (recipe.takes_task_status, status.values)

    async def test_real_lives(self):
        """
        Under a supervisor, each life of a class has an object of its own, and its readiness gives the value.
        """
        lived = []

        class Worker:
            def __init__(self, port):
                self.port = port

            async def run(self, *, task_status):
                lived.append(self)
                task_status.started(self.port)
                await trio.sleep(1)
                raise OSError("again")

        async with tr.open_supervisor("shop", budget=tr.Budget(restarts=100, per=1e6)) as shop:
            handle = await shop.start(tr.Child(Worker, 80))
            await trio.sleep(10)

        assert 80 == handle.ready_value
        assert len(lived) == len({id(worker) for worker in lived}) > 3

    async def test_checkpoints_are_the_runners(self):
        """
        Beginning a life adds nothing of its own.
        """
        with assert_checkpoints():
            await live(adapt(serve, (80,)))


class TestReadiness:
    @pytest.mark.parametrize(
        ("runner", "args"),
        [
            (serve, (80,)),
            (functools.partial(serve, host="h"), (80,)),
            (logged(serve), (80,)),
            (functools.partial(logged(serve), 80), ()),
            (Decorated(serve), (80,)),
            (Server(80), ()),
            (Server(80).run, ()),
            (Server, (80,)),
            (Server.locally, (80,)),
            (make_server, (None,)),
            (Caller(), (80,)),
            (LoggedRun(), ()),
            (LoggedRun, ()),
            (ClassRun, ()),
            (PartialRun(), ()),
            (lambda task_status: serve(80, task_status=task_status), ()),
            (tr.Supervisor("shop"), ()),
        ],
    )
    def test_readiness_is_a_matter_of_the_signature(self, runner, args):
        """
        Who takes `task_status` says when it is ready, however it is wrapped.
        """
        assert adapt(runner, args).takes_task_status

    @pytest.mark.parametrize(
        ("runner", "args"),
        [
            (echo, ()),
            (trio.sleep_forever, ()),
            (Quiet(), ()),
            (Quiet, ()),
            (make_quiet, ()),
            (Server.audit, (80,)),
            (StaticRun, ()),
            (LoggedCall(), ()),
            (lambda: echo(1), ()),
            (lambda **keywords: echo(1, **keywords), ()),
        ],
    )
    def test_without_task_status(self, runner, args):
        """
        Who does not take `task_status` is ready once it runs; taking any keyword is not taking this one.
        """
        assert not adapt(runner, args).takes_task_status

    def test_a_local_variable_is_no_parameter(self):
        """
        Only the signature counts, not what a function calls its variables.
        """

        async def pretend(port, *rest):
            task_status = port
            task_status.started(rest)

        assert not adapt(pretend, (1, 2)).takes_task_status

    @pytest.mark.parametrize("runner", [serve, functools.partial(serve), logged(serve), Decorated(serve)])
    async def test_status_is_handed_on(self, runner):
        """
        The runner gets the status of its life.
        """
        status = Status()
        await live(adapt(runner, (80,)), status)

        assert [80] == status.values

    @pytest.mark.parametrize("runner", [LoggedRun, LoggedRun(), Server(1).run])
    async def test_status_is_handed_on_to_run(self, runner):
        """
        With a class it is `run` that gets it.
        """
        status = Status()
        await live(adapt(runner, ()), status)

        assert [None] == status.values


class TestArguments:
    """
    Arguments that do not fit are refused before anything runs.
    """

    @pytest.mark.parametrize(
        ("runner", "args", "text"),
        [
            (
                serve,
                (),
                (
                    "serve(port, *, host='::', task_status=TASK_STATUS_IGNORED) cannot be called with the arguments (): missing "
                    "a required argument: 'port'. Keyword arguments go into a functools.partial."
                ),
            ),
            (
                Server(80),
                (80,),
                (
                    "Server.run(*, task_status=TASK_STATUS_IGNORED) cannot be called with the arguments (80,): too many "
                    "positional arguments. Keyword arguments go into a functools.partial."
                ),
            ),
            (
                Server,
                (),
                (
                    "Server(port, *, host='::') cannot be called with the arguments (): missing a required argument: 'port'. "
                    "Keyword arguments go into a functools.partial."
                ),
            ),
            (
                Demanding,
                (),
                (
                    "Demanding.run(port, *, task_status) cannot be called with the arguments (): missing a required argument: "
                    "'port'. Arguments are for Demanding; its run gets none but task_status."
                ),
            ),
        ],
        ids=["function", "object", "class", "run of a class"],
    )
    def test_text(self, runner, args, text):
        """
        The error shows the signature, the arguments and the way out.
        """
        assert text == refusal(runner, *args).replace(str(trio.TASK_STATUS_IGNORED), "TASK_STATUS_IGNORED")

    @pytest.mark.parametrize(
        ("runner", "args"),
        [
            (serve, (1, 2)),
            (logged(serve), ()),
            (logged(serve), (1, 2)),
            (Decorated(serve), ()),
            (functools.partial(serve, 80), (81,)),
            (functools.partial(serve, 80, nowhere=1), ()),
            (functools.partial(serve), ()),
            (Server(80).run, (80,)),
            (Server.audit, ()),
            (Server.check, ()),
            (Server.run, ()),
            (Caller(), ()),
            (functools.partial(Server, 80, nowhere=1), ()),
            (Server.locally, ()),
            (make_server, ()),
            (lambda: echo(1), (1,)),
            (Box[int], ()),
            (PartialRun(), (80,)),
            (tr.Supervisor("shop"), (80,)),
            (trio.sleep, ()),
            (trio.sleep_forever, (1,)),
        ],
    )
    def test_arguments_that_do_not_fit_are_refused(self, runner, args):
        """
        Whatever the runner is, too many and too few are found at once.
        """
        assert "cannot be called with the arguments" in refusal(runner, *args)

    def test_keyword_only(self):
        """
        A keyword that is missing is found as well, and a partial gives it.
        """

        async def mail(to, *, server, task_status):
            pass

        assert "'server'" in refusal(mail, "me").partition("missing a required ")[2]
        assert adapt(functools.partial(mail, server="s"), ("me",)).takes_task_status

    def test_optional_arguments(self):
        """
        What has a default may be left out, and `*args` takes any number.
        """

        async def mail(to, cc=None, *more, urgent=False):
            pass

        for args in [("a",), ("a", "b"), ("a", "b", "c", "d")]:
            assert args == adapt(mail, args).args
        assert "missing a required argument: 'to'" in refusal(mail)

    def test_task_status_cannot_be_an_argument(self):
        """
        An argument that would land where the task status belongs is one too many.
        """

        async def last(port, task_status):
            pass

        async def first(task_status, port):
            pass

        async def positional(task_status, /):
            pass

        assert adapt(last, (80,)).takes_task_status
        assert "multiple values for argument 'task_status'" in refusal(last, 80, 81)
        assert "multiple values for argument 'task_status'" in refusal(first, 80)
        assert "multiple values for argument 'task_status'" in refusal(first, 80, 81)
        assert "'task_status'" in refusal(positional).partition("cannot be called with the arguments ()")[2]

    def test_run_of_a_class_with_defaults(self):
        """
        Run may have parameters that can be left out.
        """

        class Patient:
            async def run(self, port=80, *, task_status):
                pass

        assert adapt(Patient, ()).takes_task_status

    def test_signature_that_cannot_be_had(self):
        """
        Where Python cannot tell the signature, the call will.
        """

        async def mystery(port):
            return port

        mystery.__signature__ = "unreadable"

        assert (80,) == adapt(mystery, (80,)).args
        assert not adapt(mystery, (80,)).takes_task_status


class TestRefused:
    def test_coroutine(self):
        """
        A coroutine object is what one gets for a pair of brackets too many; Python does not warn of it on top.
        """
        coroutine = serve(80)
        with warnings.catch_warnings(record=True, action="always") as caught:
            text = refusal(coroutine)
            shown = repr(coroutine)
            del coroutine
            gc.collect()

        assert (
            f"A runner is an async function, but this is what comes back when one is called: {shown}. "
            "Probably it says serve(...) where it should say serve, with the arguments after it."
        ) == text
        assert [] == caught

    def test_other_awaitables(self):
        """
        So is whatever else can only be awaited.
        """

        class Future:
            def __await__(self):
                raise NotImplementedError

        assert "Probably it says Future(...) where it should say Future" in refusal(Future())

    @pytest.mark.parametrize(
        ("runner", "name"),
        [
            (block, "block"),
            (functools.partial(block, 80), "block"),
            (logged(block), "block"),
            (Server(80).block, "Server.block"),
            (Blocking(), "Blocking.run"),
            (Blocking().run, "Blocking.run"),
            (functools.partial(Blocking().run), "Blocking.run"),
            (types.SimpleNamespace(run=print), "print"),
            (print, "print"),
            (asyncio, "run"),
            (make_secret, "make_secret"),
            (make_number, "make_number"),
            (Decorated(block), "block"),
        ],
    )
    def test_not_async(self, runner, name):
        """
        What is not async is refused by its full name, with what one may have meant.
        """
        assert f"{name} is not async. {HELP}" == refusal(runner)

    @pytest.mark.parametrize(
        ("runner", "name"),
        [
            (generate, "generate"),
            (functools.partial(generate, 80), "generate"),
            (contextlib.asynccontextmanager(generate), "generate"),
            (Yielding(), "Yielding.run"),
        ],
    )
    def test_async_generator(self, runner, name):
        """
        An async generator function is refused for its `yield`.
        """
        assert (
            f"{name} has a `yield` in it, so it is an async generator function and cannot be awaited. "
            f"Write a runner around it that uses what it yields."
        ) == refusal(runner)

    def test_class_without_run(self):
        """
        A class whose objects have no run is refused by its name.
        """
        assert "dict cannot run: it has no `async def run(self)`." == refusal(dict)
        assert "dict cannot run: it has no `async def run(self)`." == refusal(functools.partial(dict, a=1))
        assert "list cannot run: it has no `async def run(self)`." == refusal(list[int])

    @pytest.mark.parametrize("kind", [Blocking, Yielding])
    def test_class_whose_run_is_not_async(self, kind):
        """
        A class whose run cannot be awaited is refused before an object is made.
        """
        assert f"{kind.__name__}.run is not async: write `async def run(self)`." == refusal(kind)

    @pytest.mark.parametrize(
        "thing", [None, 5, "shop:app", object, Server.__dict__["audit"]], ids=lambda thing: type(thing).__name__
    )
    def test_anything_else(self, thing):
        """
        What cannot be called is shown, beside what a runner is.
        """
        text = refusal(thing)

        if thing is object:
            assert "object cannot run: it has no `async def run(self)`." == text
        else:
            assert (
                f"{thing!r} cannot run. A runner is an async function, an object with `async def run()`, or a class of such "
                f"objects."
            ) == text

    @pytest.mark.parametrize("thing", [[Server], (Server,)], ids=["list", "tuple"])
    def test_several_in_one(self, thing):
        """
        Who gives a list where runners stand one by one is told how to.
        """
        assert refusal(thing).endswith("or a class of such objects. Give what is in it one by one: *children.")


class TestBegin:
    def test_lambda_that_is_not_async(self):
        """
        What a lambda returns can be seen only when it is called: then it is a failure of that life.
        """
        recipe = adapt(lambda: 5, ())
        with pytest.raises(TypeError) as caught:
            recipe.begin(trio.TASK_STATUS_IGNORED)

        assert f"lambda returned 5, which cannot be awaited. {HELP}" == str(caught.value)

    def test_factory_that_made_no_runner(self):
        """
        A factory that does not make what it says is found out when it is called.
        """
        recipe = adapt(make_nothing, ())
        with pytest.raises(TypeError) as caught:
            recipe.begin(trio.TASK_STATUS_IGNORED)

        assert "make_nothing made 5, which has no `async def run(self)`." == str(caught.value)

    def test_factory_that_made_another(self):
        """
        So is one whose object has a run that is not async.
        """
        recipe = adapt(make_blocking, ())
        with pytest.raises(TypeError) as caught:
            recipe.begin(trio.TASK_STATUS_IGNORED)

        assert f"Blocking.run returned None, which cannot be awaited. {HELP}" == str(caught.value)

    def test_decorator_that_swallows(self):
        """
        A wrapper that only looks async is found out too.
        """

        @functools.wraps(serve)
        def swallow(port):
            return None

        recipe = adapt(swallow, (80,))
        with pytest.raises(TypeError):
            recipe.begin(trio.TASK_STATUS_IGNORED)

    def test_errors_of_the_maker(self):
        """
        What a class raises when it makes an object is a failure of that life, left as it is.
        """

        class Broken(Quiet):
            def __init__(self):
                raise OSError("no disk")

        recipe = adapt(Broken, ())
        with pytest.raises(OSError, match="no disk"):
            recipe.begin(trio.TASK_STATUS_IGNORED)


class TestIsAsync:
    @pytest.mark.parametrize("function", [echo, logged(echo), functools.partial(echo), Caller(), Quiet().run])
    def test_async(self, function):
        """
        Partials, decorators and callable objects are seen through.
        """
        assert is_async(function)

    @pytest.mark.parametrize("function", [block, print, [].append, Server, Quiet(), 5, generate, Box[int], None])
    def test_not_async(self, function):
        """
        Everything else is not async, whatever it is.
        """
        assert not is_async(function)


class TestRunner:
    def test_protocol(self):
        """
        An object with a run is a Runner at run time, and so is a supervisor.
        """
        assert isinstance(Quiet(), tr.Runner)
        assert isinstance(tr.Supervisor("shop"), tr.Runner)
        assert not isinstance(echo, tr.Runner)

    def test_awaitable(self):
        """
        A life that has begun is to be awaited.
        """
        begun = adapt(serve, (80,)).begin(trio.TASK_STATUS_IGNORED)
        try:
            assert isinstance(begun, Awaitable)
        finally:
            begun.close()
