"""
The child: what is run, under which name, and by which rules.
"""

import functools
import gc
import math
import warnings

import attrs
import pytest
import trio

import trio_run as tr
from trio_run.supervision._child import as_child


async def serve(port, *, task_status=trio.TASK_STATUS_IGNORED):
    """
    Stand for any runner.
    """
    task_status.started(port)


class Database:
    """
    A runner that is a class.
    """

    def __init__(self, file):
        self.file = file

    async def run(self):
        """
        Do nothing.
        """


class Named(Database):
    """
    A runner that has a name and a grace of its own.
    """

    name = "archive"
    grace = 60.0


class Property(Database):
    """
    A runner whose objects know their name, while the class does not.
    """

    @property
    def name(self):
        """
        The name.
        """
        return f"db-{self.file}"


class TestChild:
    def test_defaults(self):
        """
        A child is kept running, has five seconds of grace, and is named after its runner.
        """
        child = tr.Child(serve, 8080)

        assert ("serve", tr.Restart.ALWAYS, 5.0, serve) == (child.name, child.restart, child.grace, child.runner)
        assert ((8080,), True) == (child.recipe.args, child.recipe.takes_task_status)

    def test_all_given(self):
        """
        What is given is what it has.
        """
        child = tr.Child(Database, "shop.db", name="db", restart=tr.Restart.NEVER, grace=0)

        assert ("db", tr.Restart.NEVER, 0) == (child.name, child.restart, child.grace)

    @pytest.mark.parametrize(
        ("runner", "args", "name"),
        [
            (Database, ("f",), "Database"),
            (Database("f"), (), "Database"),
            (Database("f").run, (), "Database"),
            (functools.partial(serve, 80), (), "serve"),
            (Named, ("f",), "archive"),
            (Named("f"), (), "archive"),
            (Property, ("f",), "Property"),
            (Property("f"), (), "db-f"),
            (tr.Supervisor("workers"), (), "workers"),
            (lambda: serve(80), (), "lambda"),
        ],
    )
    def test_name(self, runner, args, name):
        """
        Who has a name keeps it, and for all others there is a good guess.
        """
        assert name == tr.Child(runner, *args).name

    @pytest.mark.parametrize("restart", tr.Restart)
    def test_restart_by_string(self, restart):
        """
        A restart can be given as the member or its string.
        """
        assert restart is tr.Child(serve, 80, restart=restart.value).restart

    @pytest.mark.parametrize(
        ("runner", "given", "grace"),
        [
            (Named("f"), {}, 60.0),
            (Named("f"), {"grace": 1}, 1),
            (tr.Supervisor("workers"), {}, math.inf),
            (tr.Supervisor("workers", grace=7), {}, 7),
            (tr.Supervisor("workers", grace=7), {"grace": math.inf}, math.inf),
            (Database("f"), {}, 5.0),
        ],
    )
    def test_grace(self, runner, given, grace):
        """
        A supervisor brings its grace along, and what is given by hand goes first.
        """
        assert grace == tr.Child(runner, **given).grace

    def test_is_a_value(self):
        """
        A child cannot be changed, and two that say the same are equal.
        """
        child = tr.Child(serve, 80)

        assert tr.Child(serve, 80) == child
        assert tr.Child(serve, 81) != child
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            child.grace = 1

    def test_repr(self):
        """
        It shows its rules, and not what may be a large object.
        """
        assert "Child(name='serve', rules=Rules(grace=3))" == repr(tr.Child(serve, 80, grace=3))

    async def test_can_be_used_many_times(self):
        """
        One child can be in two trees, and each runs it for itself.
        """
        ran = []

        async def note():
            ran.append(trio.current_time())

        child = tr.Child(note, restart="on_failure")
        async with tr.open_supervisor("a", child), tr.open_supervisor("b", child):
            await trio.sleep(1)

        assert 2 == len(ran)


class TestRefused:
    @pytest.mark.parametrize(
        ("given", "kind", "text"),
        [
            ({"name": ""}, ValueError, "'' cannot be the name of the child"),
            ({"name": "a/b"}, ValueError, "'a/b' cannot be the name of the child"),
            ({"name": 5}, TypeError, "The name of the child"),
            ({"restart": "sometimes"}, ValueError, "'sometimes' is no Restart. It can be"),
            ({"restart": None}, ValueError, "None is no Restart. It can be"),
            ({"grace": -1}, ValueError, "Child(grace=-1) has to be at least 0."),
            ({"grace": math.nan}, ValueError, "Child(grace=nan) has to be at least 0."),
            ({"grace": "5"}, TypeError, "Child(grace=...) takes a number, not '5'."),
            ({"grace": True}, TypeError, "Child(grace=...) takes a number, not True."),
        ],
        ids=str,
    )
    def test_rules(self, given, kind, text):
        """
        A rule that makes no sense is refused at once.
        """
        with pytest.raises(kind) as caught:
            tr.Child(serve, 80, **given)

        assert str(caught.value).startswith(text)

    def test_name_says_whose(self):
        """
        The error about a name says which runner was to have it.
        """
        with pytest.raises(ValueError) as caught:
            tr.Child(serve, 80, name="a#1")

        assert (
            "'a#1' cannot be the name of the child serve: a name is one step of a path, so it is not empty, prints, "
            "and has no slash and no hash in it."
        ) == str(caught.value)

    @pytest.mark.parametrize("thing", [5, print, None, dict, tr.Child(serve, 80)], ids=repr)
    def test_runner(self, thing):
        """
        What cannot run is refused when the child is made, and a child is no runner itself.
        """
        with pytest.raises(TypeError):
            tr.Child(thing)

    def test_arguments(self):
        """
        So are arguments that do not fit.
        """
        with pytest.raises(TypeError, match="missing a required argument: 'port'"):
            tr.Child(serve)

    def test_coroutine_comes_first(self):
        """
        Of several mistakes the coroutine object is told, so that Python need not warn of it on top.
        """
        coroutine = serve(80)
        with warnings.catch_warnings(record=True, action="always") as caught:
            with pytest.raises(TypeError, match="where it should say serve"):
                tr.Child(coroutine, name="a/b", restart="sometimes", grace=-1)
            del coroutine
            gc.collect()

        assert [] == caught


class TestAsChild:
    def test_child(self):
        """
        A child is left as it is.
        """
        child = tr.Child(serve, 80)

        assert child is as_child(child)

    @pytest.mark.parametrize("runner", [Database("f"), tr.Supervisor("workers"), trio.sleep_forever])
    def test_runner(self, runner):
        """
        Anything else becomes a child that runs it.
        """
        child = as_child(runner)

        assert tr.Child(runner) == child
        assert runner is child.runner
