"""
The pure part: what counts as a leak, how equal ones are grouped, and what rules hide.
"""

import pytest

from trio_run.leaks import Ignore, Kind, Leak, LeakError, Snapshot, Thing, leaked
from trio_run.leaks._things import rules_from


def make(key, kind=Kind.TASK, **details):
    """
    A thing.
    """
    return Thing(kind=kind, key=key, **{"name": "worker", "function": "Shop.serve", "owner": "main", **details})


class TestLeaked:
    def test_nothing_new(self):
        """
        What was there before is never a leak, even if it looks different now.
        """
        assert () == leaked(Snapshot((make(1), make(2))), Snapshot((make(1, name="renamed"),)))

    def test_new(self):
        """
        What is new is a leak, with all that is known of it.
        """
        thing = make(2, made=("a:1 f",), stands=("b:2 g",), which="no 2")

        assert (
            Leak(
                kind=Kind.TASK,
                name="worker",
                function="Shop.serve",
                owner="main",
                made=("a:1 f",),
                stands=("b:2 g",),
                which=("no 2",),
            ),
        ) == leaked(Snapshot((make(1),)), Snapshot((make(1), thing)))

    def test_same_key_other_kind(self):
        """
        Things of different kinds are never the same.
        """
        assert 1 == len(leaked(Snapshot((make(1),)), Snapshot((make(1, Kind.FILE),))))

    def test_a_process_that_ends_meanwhile(self):
        """
        A child process from before is no leak when it has ended since.
        """
        before, after = Snapshot((make(1, Kind.PROCESS),)), Snapshot((make(1, Kind.ZOMBIE), make(2, Kind.ZOMBIE)))

        assert [1] == [leak.count for leak in leaked(before, after)]

    def test_grouped(self):
        """
        Equal ones are one leak with a count; others stand at another place and are not equal.
        """
        things = [make(number, which=f"no {number}") for number in range(3)]
        found = leaked(Snapshot(), Snapshot((*things, make(9, stands=("else",)))))

        assert [(3, ("no 0", "no 1", "no 2")), (1, ())] == [(leak.count, leak.which) for leak in found]

    def test_seen_twice(self):
        """
        A thing that is seen from two sides counts once.
        """
        assert [1] == [leak.count for leak in leaked(Snapshot(), Snapshot((make(1), make(1))))]

    def test_order(self):
        """
        Tasks come first, since what they hold is often their doing.
        """
        found = leaked(Snapshot(), Snapshot((make(1, Kind.CHANNEL), make(2, Kind.FILE), make(3))))

        assert [Kind.TASK, Kind.FILE, Kind.CHANNEL] == [leak.kind for leak in found]

    def test_made_elsewhere(self):
        """
        What somebody else made while we looked is not ours; what nobody saw made is.
        """
        after = Snapshot(
            (make(1, inside=frozenset({7})), make(2, inside=frozenset({8}), name="other"), make(3, name="?"))
        )

        assert ["worker", "?"] == [leak.name for leak in leaked(Snapshot(), after, check=7)]
        assert 3 == len(leaked(Snapshot(), after))


class TestIgnore:
    @pytest.mark.parametrize(
        "rule",
        [
            Ignore(name="worker"),
            Ignore(name="work*"),
            Ignore(function="Shop.*"),
            Ignore(owner="main"),
            Ignore(kind=Kind.TASK),
            Ignore(name="w?rker", function="*serve", owner="m*", kind=Kind.TASK),
            "worker",
            "Shop.*",
            "main",
        ],
    )
    def test_fits(self, rule):
        """
        A rule whose every part fits hides a leak.
        """
        assert () == leaked(Snapshot(), Snapshot((make(1),)), [rule])

    @pytest.mark.parametrize(
        "rule",
        [
            Ignore(name="work"),
            Ignore(name="Worker"),
            Ignore(name="worker", owner="other"),
            Ignore(name="worker", kind=Kind.FILE),
            Ignore(function="worker"),
            "serve",
        ],
    )
    def test_does_not_fit(self, rule):
        """
        A rule of which one part does not fit hides nothing.
        """
        assert 1 == len(leaked(Snapshot(), Snapshot((make(1),)), [rule]))

    def test_empty(self):
        """
        A rule that would hide everything cannot be made.
        """
        with pytest.raises(ValueError, match="would hide every leak"):
            Ignore()


class TestRulesFrom:
    def test_list(self):
        """
        Rules and patterns may be mixed.
        """
        assert (Ignore(name="x"), "y") == rules_from([Ignore(name="x"), "y"])

    @pytest.mark.parametrize(
        ("rules", "error", "text"),
        [
            ("worker", TypeError, "in a list or tuple"),
            (Ignore(name="x"), TypeError, "in a list or tuple"),
            ([3], TypeError, "neither"),
            ([""], ValueError, "fits nothing"),
        ],
    )
    def test_mistakes(self, rules, error, text):
        """
        A mistake in a rule is told at once.
        """
        with pytest.raises(error, match=text):
            rules_from(rules)


class TestText:
    def test_leak(self):
        """
        A leak says what, how often, whose, where it was made and where it stands, innermost first.
        """
        (leak,) = leaked(
            Snapshot(),
            Snapshot([make(n, made=("a:1 f", "b:2 g"), stands=("c:3 h",), which=f"no {n}") for n in range(7)]),
        )

        assert (
            "task: worker (7 times) [no 0, no 1, no 2, no 3, no 4, ...]\n"
            "  of main\n  made at\n    b:2 g\n    a:1 f\n  stands at\n    c:3 h"
        ) == str(leak)

    def test_unknown_place(self):
        """
        Where nobody saw a thing made, that is said.
        """
        (leak,) = leaked(Snapshot(), Snapshot((make(1, Kind.FILE, owner=""),)))

        assert "open file: worker\n  made where nobody looked" == str(leak)

    def test_error(self):
        """
        The error counts all, names the way out and lists each.
        """
        error = LeakError(leaked(Snapshot(), Snapshot((make(1), make(2)))))

        assert str(error).startswith("2 things were left behind. ")
        assert "ignore=[Ignore(" in str(error)
        assert "task: worker (2 times)" in str(error)
        assert str(LeakError(leaked(Snapshot(), Snapshot((make(1),))))).startswith("1 thing was left behind. ")
