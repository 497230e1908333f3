"""
Paths, and names for whatever a user hands over.
"""

import functools
import types

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_run import _names
from trio_run._names import called, checked, is_within, join, name_of, unwrapped

STEPS = st.text(min_size=1).filter(lambda text: text.isprintable() and "/" not in text and "#" not in text)


class Shop:
    """
    An object with methods of all kinds.
    """

    async def run(self):
        """
        What every runner has.
        """

    async def open(self):
        """
        What only this one has.
        """

    @classmethod
    async def audit(cls):
        """
        A method of the class.
        """

    @staticmethod
    async def wait():
        """
        A function that happens to live here.
        """

    async def __call__(self):
        """
        Make its objects callable.
        """


async def serve(port):
    """
    Stand for any runner.
    """


class TestJoin:
    def test_child(self):
        """
        A path is the names from the root down, joined by slashes.
        """
        assert "shop/workers/mailer" == join(join("shop", "workers"), "mailer")

    def test_root(self):
        """
        The path of the root is its name.
        """
        assert "shop" == join("", "shop")

    @given(st.lists(STEPS, min_size=1))
    def test_paths_can_be_taken_apart(self, steps):
        """
        No two rows of names have the same path.
        """
        assert steps == functools.reduce(join, steps, "").split("/")


class TestIsWithin:
    @pytest.mark.parametrize("path", ["shop/web", "shop/web/api", "shop/web/api/v1"])
    def test_inside(self, path):
        """
        A path lies within itself and within all above it.
        """
        assert is_within(path, "shop/web")

    @pytest.mark.parametrize("path", ["shop", "shop/webby", "shop/we", "my/shop/web", ""])
    def test_outside(self, path):
        """
        A parent, a longer name and a like end lie outside.
        """
        assert not is_within(path, "shop/web")


class TestChecked:
    @given(STEPS)
    def test_returns_the_name(self, name):
        """
        Whatever prints and has neither slash nor hash is a name, in any script.
        """
        assert name == checked(name, "x")

    @pytest.mark.parametrize("name", ["", "a/b", "/", "a#1", "a\nb", "a\tb", "\x1b[31m", "a\u200bb", "\ud800"])
    def test_refuses(self, name):
        """
        What would break a path, a line of a log or a terminal is no name.
        """
        with pytest.raises(ValueError) as caught:
            checked(name, "the child f")

        assert (
            f"{name!r} cannot be the name of the child f: a name is one step of a path, so it is not empty, prints, "
            f"and has no slash and no hash in it."
        ) == str(caught.value)

    @pytest.mark.parametrize("name", [None, 1, b"web", ["web"]])
    def test_no_string(self, name):
        """
        Only a string can be a name.
        """
        with pytest.raises(TypeError) as caught:
            checked(name, "a supervisor")

        assert f"The name of a supervisor has to be a string, not {name!r}." == str(caught.value)


class TestUnwrapped:
    def test_partials(self):
        """
        Partials are taken off, however many there are.
        """
        tower = functools.partial(Shop)
        for _ in range(3):
            tower = type("Mine", (functools.partial,), {})(tower)

        assert Shop is unwrapped(tower)

    @pytest.mark.parametrize("thing", [serve, Shop, Shop(), None])
    def test_anything_else(self, thing):
        """
        Everything else is returned as it is.
        """
        assert thing is unwrapped(thing)


class TestNameOf:
    @pytest.mark.parametrize(
        ("thing", "name"),
        [
            (serve, "serve"),
            (Shop, "Shop"),
            (Shop(), "Shop"),
            (Shop().run, "Shop"),
            (Shop().open, "Shop.open"),
            (Shop.open, "open"),
            (Shop.audit, "Shop.audit"),
            (Shop.wait, "wait"),
            (functools.partial(serve, 80), "serve"),
            (functools.partial(functools.partial(Shop().open)), "Shop.open"),
            (functools.partial(Shop().run), "Shop"),
            (functools.partial(Shop()), "Shop"),
            (lambda: None, "lambda"),
            ([].append, "append"),
            (len, "len"),
            (_names, "trio_run._names"),
            (5, "int"),
            (types.MethodType(Shop(), Shop()), "Shop.method"),
        ],
        ids=lambda each: each if isinstance(each, str) else type(each).__name__,
    )
    def test_good_guess(self, thing, name):
        """
        A callable is called what its author called it, and a `run` after its object.
        """
        assert name == name_of(thing)

    @pytest.mark.parametrize(("said", "name"), [(7, "Odd"), (None, "Odd"), ("", "runner"), ("<>", "runner")])
    def test_odd_names(self, said, name):
        """
        An object whose `__name__` is no name gets one all the same.
        """
        odd = type("Odd", (), {})()
        odd.__name__ = said

        assert name == name_of(odd)


class TestCalled:
    @pytest.mark.parametrize(("said", "name"), [("shop", "shop"), (None, "Odd"), (7, "Odd")])
    def test_own_name(self, said, name):
        """
        What has a name that is text is called that; of anything else it is guessed.
        """
        odd = type("Odd", (), {})()
        odd.name = said

        assert name == called(odd)
