"""
From MODULE:ATTR and arguments to a root, and the mistakes on the way.
"""

import functools
import itertools
import sys

import pytest
import trio

import trio_run as tr
from trio_run.cli._load import CannotLoad, FactoryFailed, build, load

numbers = itertools.count()


@pytest.fixture
def module(tmp_path, monkeypatch):
    """
    Write a module of a name that no other test has, in the working directory, and return the name.
    """
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))

    def write(text, folder="."):
        name = f"shop{next(numbers)}"
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / f"{name}.py").write_text(text)
        return name

    return write


def complaint(function, *args):
    """
    What is said of a mistake; it is always one line.
    """
    with pytest.raises(CannotLoad) as caught:
        function(*args)
    text = str(caught.value)
    assert "\n" not in text
    return text


class TestLoad:
    def test_attribute(self, module):
        """
        The attribute of a module in the working directory is found, dotted or not.
        """
        name = module("class Shop:\n    app = 1\n")

        assert 1 == load(f"{name}:Shop.app")

    def test_the_working_directory_comes_first(self, module, tmp_path, monkeypatch):
        """
        A module in the working directory hides one of the same name elsewhere.
        """
        name = module("app = 'elsewhere'", "elsewhere")
        (tmp_path / f"{name}.py").write_text("app = 'here'")
        monkeypatch.syspath_prepend(str(tmp_path / "elsewhere"))

        assert "here" == load(f"{name}:app")

    def test_in_a_package(self, module):
        """
        A folder without an __init__ file does for a package.
        """
        folder = f"folder{next(numbers)}"
        name = module("app = 1", folder)

        assert 1 == load(f"{folder}.{name}:app")

    @pytest.mark.parametrize(
        ("target", "guess"),
        [
            ("shop", "shop:app"),
            ("shop/main.py", "shop.main:app"),
            (":app", "app:app"),
            ("shop:", "shop:app"),
            ("", "shop:app"),
        ],
    )
    def test_form(self, target, guess):
        """
        What is not of the form is refused, with a guess at what was meant.
        """
        assert f"{target!r} is not of the form MODULE:ATTR, as in {guess}." == complaint(load, target)

    @pytest.mark.parametrize("path", ["shop/main.py", "./shop/main.py", "shop/main"])
    def test_a_file(self, path):
        """
        Who gives a file is told the module.
        """
        assert f"{path} is a file, not a module. Did you mean shop.main:app?" == complaint(load, f"{path}:app")

    def test_no_module(self, module, tmp_path):
        """
        A module that is not there is told with where it was looked for, and with one that is called like it.
        """
        name = module("")

        assert (
            f"There is no module {name}x in {tmp_path} or among what is installed. Did you mean {name}?"
        ) == complaint(load, f"{name}x:app")

    def test_no_module_in_a_package(self, module):
        """
        In a package it is looked for there.
        """
        folder = f"folder{next(numbers)}"
        name = module("", folder)

        assert f"There is no module {folder}.{name}x in {folder}. Did you mean {name}?" == complaint(
            load, f"{folder}.{name}x:app"
        )

    def test_dots_for_a_colon(self, module):
        """
        Who writes a dot before the attribute is told of the colon.
        """
        name = module("app = 1")

        assert (
            f"There is no module {name}.app: {name} is a module, not a package. Did you mean {name}:app?"
        ) == complaint(load, f"{name}.app:run")

    def test_a_module_that_the_module_needs(self, module):
        """
        What the user's module fails to import is another thing, and told with the place.
        """
        name = module("\nimport not_installed_anywhere\n")

        assert (f"{name} needs the module not_installed_anywhere, which is not installed ({name}.py:2).") == complaint(
            load, f"{name}:app"
        )

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("1 +", "SyntaxError: invalid syntax ({name}.py, line 1)"),
            ("x = {}['y']", "KeyError: 'y' ({name}.py:1)"),
            ("from os import nothing_there", "ImportError: cannot import name 'nothing_there' from 'os'"),
        ],
    )
    def test_a_module_that_raises(self, module, text, said):
        """
        An error while importing is told with its place, and kept as the cause.
        """
        name = module(text)

        assert complaint(load, f"{name}:app").startswith(f"{name} cannot be imported: {said.format(name=name)}")

    def test_no_attribute(self, module):
        """
        An attribute that is called like the one that was asked for is offered.
        """
        name = module("application = 1")

        assert f"There is no aplication in {name}. Did you mean application?" == complaint(load, f"{name}:aplication")

    def test_no_attribute_of_an_attribute(self, module):
        """
        Of a dotted attribute the step that is not there is told.
        """
        name = module("class Shop:\n    app = 1\n")

        assert f"There is no ap in {name}:Shop. Did you mean app?" == complaint(load, f"{name}:Shop.ap")

    def test_nothing_alike(self, module):
        """
        Where nothing is called alike, what can run is listed.
        """
        name = module(
            "import trio_run as tr\nasync def serve(): ...\nshop = tr.Supervisor('s')\nfrom trio import sleep\nx = 1\n"
        )

        assert f"There is no main in {name}. What can run there: serve, shop." == complaint(load, f"{name}:main")


async def main(*args):
    """
    A program that takes any arguments.
    """


async def two(source, target, *, task_status):
    """
    A program that takes two arguments, and tells when it is ready.
    """


class Server:
    """
    A class of runners.
    """

    def __init__(self, port):
        self.port = port

    async def run(self):
        """
        Do nothing.
        """


class Slashed:
    name = "a/b"

    async def run(self): ...


class Blocking:
    """
    Something that is no runner.
    """

    def run(self):
        """
        Block.
        """


shop = tr.Supervisor("shop")


class TestBuild:
    @pytest.mark.parametrize(
        ("thing", "args", "path"),
        [
            (shop, [], "shop"),
            (main, ["a", "b"], "main"),
            (two, ["a", "b"], "two"),
            (functools.partial(two, "a"), ["b"], "two"),
            (Server, ["80"], "Server"),
            (Server(80), [], "Server"),
            (Server(80).run, [], "Server"),
            (tr.Partitions("carts", lambda _: main, count=2), [], "carts"),
        ],
    )
    def test_what_can_run(self, thing, args, path):
        """
        A supervisor, an async function, a class and an object with `run` are roots, and take the arguments as strings.
        """
        root = build("shop:app", thing, args)

        assert (path, thing) == (root.path, root.runner)
        assert tuple(args) == root.recipe.args

    @pytest.mark.parametrize(
        "product",
        [shop, main, Server(80), functools.partial(Server, 80)],
        ids=["supervisor", "function", "object", "partial"],
    )
    def test_what_a_factory_may_return(self, product):
        """
        A plain function gets the list of arguments, and what it returns is the root.
        """
        given = []

        def factory(args):
            given.append(args)
            return product

        assert product is build("shop:app", factory, ["a"]).runner
        assert [["a"]] == given

    def test_a_factory_without_arguments(self):
        """
        A factory that takes none is fine as long as there are none.
        """
        assert shop is build("shop:app", lambda: shop, []).runner
        assert "but it takes ()" in complaint(build, "shop:app", lambda: shop, ["a"])

    @pytest.mark.parametrize(
        ("thing", "args", "said"),
        [
            (
                shop,
                ["a"],
                "shop:app is a Supervisor, which takes no arguments, but got a. To use them, write a factory: ",
            ),
            (two, ["a"], "shop:app takes (source, target), and got a. Its arguments stand after --."),
            (two, [], "shop:app takes (source, target), and got none. "),
            (Server, [], "shop:app takes (port), and got none. "),
            (Server(80), ["x"], "shop:app takes (), and got x. "),
            (tr.Child(main), [], "shop:app is a Child, an entry of a Supervisor. "),
            (sys, [], "shop:app is a module. Name what is to run in it, as in shop:app.app."),
            (None, [], "shop:app is None. A factory returns the Supervisor"),
            (1, [], "shop:app cannot run: 1 cannot run. "),
            (Blocking, [], "shop:app cannot run: Blocking.run is not async"),
            (max, ["a", "b"], "what shop:app returned cannot run: 'b' cannot run. "),
            (Blocking(), [], "shop:app cannot run: "),
            (Slashed(), [], "shop:app cannot run: 'a/b' cannot be the name of shop:app: "),
            (lambda _args: None, [], "what shop:app returned is None. A factory returns the Supervisor"),
            (lambda _args: print, [], "shop:app returned the function print, which is not async."),
        ],
    )
    def test_mistakes(self, thing, args, said):
        """
        What cannot run, and arguments that do not fit, are refused in a line that says what to do.
        """
        assert complaint(build, "shop:app", thing, args).startswith(said)

    def test_a_function_that_says_it_returns_nothing(self):
        """
        A plain function that is the program itself is not called by mistake, nor is a partial of it.
        """

        def program() -> None:
            raise AssertionError

        for each in (program, functools.partial(program)):
            said = complaint(build, "shop:app", each, [])
            assert said.startswith("shop:app is a plain function that returns nothing.")

    def test_a_generator(self):
        """
        A generator is neither a factory nor a program.
        """

        def generator(args):
            yield shop

        assert complaint(build, "shop:app", generator, []).startswith("shop:app is a generator")

    def test_an_asgi_application(self):
        """
        A web application is told from a program.
        """

        async def app(scope, receive, send): ...

        assert complaint(build, "shop:app", app, []).startswith("shop:app is an ASGI application.")

    def test_a_coroutine(self):
        """
        Who calls the async function is told not to.
        """
        assert "Probably it says main(...)" in complaint(build, "shop:app", main(), [])

    def test_a_factory_that_raises(self):
        """
        An error of a factory is one line, with the error itself as the cause.
        """

        def factory(args):
            raise ValueError("no\nsuch port")

        with pytest.raises(FactoryFailed, match=r"^shop:app: ValueError: no such port$") as caught:
            build("shop:app", factory, [])

        assert isinstance(caught.value.__cause__, ValueError)

    def test_a_factory_that_exits(self):
        """
        A factory may end the program, as argparse does.
        """

        def factory(args):
            raise SystemExit(2)

        with pytest.raises(SystemExit):
            build("shop:app", factory, [])

    async def test_runs(self):
        """
        What was built runs, with the arguments it was built with.
        """
        got = []

        async def program(*args):
            got.extend(args)

        await build("shop:app", program, ["a", "b"]).recipe.begin(trio.TASK_STATUS_IGNORED)

        assert ["a", "b"] == got
