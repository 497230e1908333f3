"""
The rules a user can set, and the arithmetic behind them.
"""

import decimal
import fractions
import itertools
import math

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_run.supervision._policy import Backoff, Budget, Ledger, Restart, Strategy, check_reachable

EIGHTHS = st.integers(0, 400).map(lambda number: number / 8)
"""
Times that floating point can add and compare without rounding.
"""

LUCK = st.floats(0, 1, exclude_max=True)


FACTORS = st.sampled_from([1, 1.0, 1.5, 2, 4.0])


@st.composite
def backoffs(draw, times=EIGHTHS, factors=FACTORS):
    """
    Rules for delays.
    """
    first, longest = sorted([draw(times), draw(times)])
    return Backoff(
        first=first,
        max=longest,
        factor=draw(factors),
        jitter=draw(st.sampled_from([0, 0.25, 0.5, 1])),
        stable_after=draw(st.sampled_from([0, 2, 30, math.inf])),
    )


WILD = backoffs(
    times=st.floats(0, 1e300, allow_subnormal=False),
    factors=st.floats(1, 1e300) | st.just(math.inf) | st.integers(1, 10**9),
)
"""
Rules that nobody needs, and that have to be obeyed all the same.
"""


def spends(budget, backoff):
    """
    Whether a child ends up with more failures than forgiven, that fails at once, for ever, or each time it was stable.
    """

    def too_often(pauses):
        ledger, now = Ledger(budget), 0.0
        for pause in pauses:
            if not ledger.enter(now, ""):
                return True
            now += pause
        return False

    count = budget.restarts + 1
    at_once = [backoff.delay(failures, 1.0) for failures in range(1, count + 1)]
    return too_often(at_once) or too_often([backoff.stable_after] * count)


def refusal(kind, **given):
    """
    How a rule is refused.
    """
    with pytest.raises((TypeError, ValueError)) as caught:
        kind(**given)
    return f"{caught.type.__name__}: {caught.value}"


class TestStrategy:
    def test_vocabulary(self):
        """
        The words are those of OTP.
        """
        assert ["one_for_one", "one_for_all", "rest_for_one"] == [each.value for each in Strategy]

    @pytest.mark.parametrize("strategy", Strategy)
    def test_by_string(self, strategy):
        """
        A member can be given as itself or as its string.
        """
        assert strategy is Strategy(strategy) is Strategy(strategy.value)

    @pytest.mark.parametrize("value", ["ONE_FOR_ONE", "one for one", "", None, 1, []], ids=repr)
    def test_unknown(self, value):
        """
        Anything else is refused with the words there are.
        """
        with pytest.raises(ValueError) as caught:
            Strategy(value)

        assert (
            f"{value!r} is no Strategy. It can be 'one_for_one', 'one_for_all', 'rest_for_one', or a member of Strategy."
        ) == str(caught.value)


class TestRestart:
    def test_vocabulary(self):
        """
        The words are those of systemd and Kubernetes.
        """
        assert ["always", "on_failure", "never"] == [each.value for each in Restart]

    def test_unknown(self):
        """
        OTP's words are refused with ours.
        """
        with pytest.raises(ValueError) as caught:
            Restart("permanent")

        assert "'permanent' is no Restart. It can be 'always', 'on_failure', 'never', or a member of Restart." == str(
            caught.value
        )


class TestValidation:
    FIELDS = (
        *((Backoff, name) for name in ("first", "factor", "max", "jitter", "stable_after")),
        (Budget, "per"),
        (Budget, "restarts"),
    )

    @pytest.mark.parametrize(("kind", "name"), FIELDS)
    @pytest.mark.parametrize(
        "value", ["3", b"3", None, True, False, [], 1j, decimal.Decimal(3), fractions.Fraction(3)], ids=repr
    )
    def test_not_a_number(self, kind, name, value):
        """
        Only plain numbers are taken, and a bool is none.
        """
        what = "a whole number" if name == "restarts" else "a number"

        assert f"TypeError: {kind.__name__}({name}=...) takes {what}, not {value!r}." == refusal(kind, **{name: value})

    @pytest.mark.parametrize(("kind", "name"), FIELDS[:-1])
    @pytest.mark.parametrize("value", [-1, -0.001, -math.inf, math.nan], ids=repr)
    def test_out_of_range(self, kind, name, value):
        """
        No time and no part is below 0, and NaN is no number.
        """
        assert f"ValueError: {kind.__name__}({name}={value!r}) has to be at least 0." == refusal(kind, **{name: value})

    @pytest.mark.parametrize(
        ("kind", "given", "text"),
        [
            (Budget, {"restarts": -1}, "ValueError: Budget(restarts=-1) has to be at least 0."),
            (Budget, {"restarts": 3.0}, "TypeError: Budget(restarts=...) takes a whole number, not 3.0."),
            (Budget, {"restarts": -math.inf}, "TypeError: Budget(restarts=...) takes a whole number, not -inf."),
            (Budget, {"per": 0}, "ValueError: Budget(per=0) is a number of seconds above 0."),
            (Backoff, {"factor": 0.5}, "ValueError: Backoff(factor=0.5) has to be at least 1: delays do not shrink."),
            (Backoff, {"jitter": 1.5}, "ValueError: Backoff(jitter=1.5) is a part of the delay, from 0 to 1."),
            (
                Backoff,
                {"first": 2, "max": 1},
                "ValueError: Backoff(first=2, max=1): max is finite, and not below first.",
            ),
            (
                Backoff,
                {"max": math.inf},
                "ValueError: Backoff(first=0.1, max=inf): max is finite, and not below first.",
            ),
            (
                Backoff,
                {"first": math.inf, "max": math.inf},
                "ValueError: Backoff(first=inf, max=inf): max is finite, and not below first.",
            ),
        ],
    )
    def test_text(self, kind, given, text):
        """
        What is more particular is said in words of its own.
        """
        assert text == refusal(kind, **given)

    @pytest.mark.parametrize(
        ("kind", "given"),
        [
            (Backoff, {"first": 0, "max": 0}),
            (Backoff, {"first": 30, "factor": 1, "jitter": 1}),
            (Backoff, {"factor": math.inf, "stable_after": math.inf}),
            (Budget, {"restarts": 0, "per": math.inf}),
            (Budget, {"restarts": 10**30, "per": 1e-9}),
            (Budget, {"restarts": math.inf}),
        ],
    )
    def test_edges(self, kind, given):
        """
        The ends of the ranges are inside.
        """
        assert given == {name: getattr(kind(**given), name) for name in given}

    def test_defaults(self):
        """
        What users get without a word does not change unseen.
        """
        assert Backoff(first=0.1, factor=2.0, max=30.0, jitter=0.5, stable_after=30.0) == Backoff()
        assert Budget(restarts=10, per=60.0) == Budget()

    @pytest.mark.parametrize("kind", [Backoff, Budget])
    def test_values(self, kind):
        """
        Rules are frozen, equal if they say the same, can be keys, and are given by name only.
        """
        assert kind() == kind()
        assert {kind()} == {kind(), kind()}
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            setattr(kind(), attrs.fields(kind)[0].name, 1)
        with pytest.raises(TypeError):
            kind(1)


class TestBackoffDelay:
    def test_row(self):
        """
        The first restart is immediate, then the delays double up to the longest.
        """
        backoff = Backoff(first=1, factor=2, max=10, jitter=0)

        assert [0, 1, 2, 4, 8, 10, 10] == [backoff.delay(failures, 0.7) for failures in range(1, 8)]

    @given(WILD, st.integers(1, 10**6), LUCK)
    def test_bounds(self, backoff, failures, luck):
        """
        Whatever the rules, a delay is a number of seconds between 0 and the longest.
        """
        assert 0 <= backoff.delay(failures, luck) <= backoff.max

    @given(WILD, st.integers(1, 10**4), LUCK)
    def test_jitter_only_shortens(self, backoff, failures, luck):
        """
        Chance takes off a part of the delay, at most as large as the jitter, and never adds.
        """
        full, actual = backoff.delay(failures, 0.0), backoff.delay(failures, luck)

        assert full * (1 - backoff.jitter) <= actual <= full

    @given(WILD, st.integers(1, 10**4))
    def test_never_shrinks(self, backoff, failures):
        """
        With equal luck, a longer row of failures does not wait for less.
        """
        assert backoff.delay(failures, 0.0) <= backoff.delay(failures + 1, 0.0)

    @pytest.mark.parametrize("factor", [1, 2, 2.0, 1e300, math.inf])
    def test_no_delay(self, factor):
        """
        Who asks for no delay gets none, after a million failures as after two.
        """
        backoff = Backoff(first=0, factor=factor)

        assert [0, 0, 0] == [backoff.delay(failures, 0.0) for failures in (2, 2000, 10**6)]

    @pytest.mark.parametrize("factor", [2, 2.0, 1.5, 999_999, 10**400])
    def test_a_million_failures(self, factor):
        """
        The arithmetic does not break where powers no longer fit.
        """
        assert 30.0 == Backoff(factor=factor).delay(10**6, 0.0)


class TestBackoffQuickest:
    @given(backoffs(), st.integers(0, 300))
    def test_sum(self, backoff, restarts):
        """
        So many restarts take at least the sum of the shortest delays.
        """
        expected = math.fsum(backoff.delay(failures, 1.0) for failures in range(1, restarts + 1))

        assert math.isclose(expected, backoff.quickest(restarts), rel_tol=1e-12)

    @given(WILD, st.integers(0, 300))
    def test_never_shrinks(self, backoff, restarts):
        """
        More restarts never take less time, whatever the rules.
        """
        assert 0 <= backoff.quickest(restarts) <= backoff.quickest(restarts + 1) * (1 + 1e-12)

    @pytest.mark.parametrize(
        ("backoff", "expected"),
        [
            (Backoff(first=0), 0),
            (Backoff(first=0.5, factor=1, jitter=0), (10**18 - 1) / 2),
            (Backoff(first=30, jitter=0.5), (10**18 - 1) * 15),
            (Backoff(jitter=1), 0),
        ],
    )
    def test_without_counting(self, backoff, expected):
        """
        For who never wants to give up it takes no time to tell.
        """
        assert math.isclose(expected, backoff.quickest(10**18))


class TestCheckReachable:
    @given(st.builds(Budget, restarts=st.integers(0, 12), per=EIGHTHS.filter(bool)), backoffs())
    def test_a_budget_that_can_never_be_spent_is_refused(self, budget, backoff):
        """
        A budget is refused exactly if no child could spend it, as fast as it may fail.
        """
        try:
            check_reachable(budget, backoff)
            accepted = True
        except ValueError:
            accepted = False

        assert spends(budget, backoff) == accepted

    def test_text(self):
        """
        The error says how long it takes, what is forgotten, and the ways out.
        """
        with pytest.raises(ValueError) as caught:
            check_reachable(Budget(restarts=5, per=3), Backoff(first=1, factor=2, max=30, jitter=0.5))

        assert (
            "This budget can never be spent: 5 restarts take at least 7.5 s with this backoff, and the budget forgets them "
            "after 3 s. Use Budget(per=...) of 8 s or more, fewer restarts, or a Backoff with a shorter max; or "
            "Budget(in_a_row=...). To never give up, say Budget(restarts=math.inf)."
        ) == str(caught.value)

    @given(
        st.integers(2, 200),
        backoffs(times=EIGHTHS.filter(bool)).filter(lambda backoff: backoff.jitter < 1 and backoff.stable_after),
    )
    def test_the_way_out_works(self, restarts, backoff):
        """
        The time that the error asks for is enough.
        """
        with pytest.raises(ValueError) as caught:
            check_reachable(Budget(restarts=restarts, per=1e-9), backoff)
        seconds = int(str(caught.value).partition("(per=...) of ")[2].split()[0])
        check_reachable(Budget(restarts=restarts, per=seconds), backoff)

    def test_for_ever(self):
        """
        Even where the time is beyond all numbers it is a ValueError that says so.
        """
        with pytest.raises(ValueError, match="take at least inf s"):
            check_reachable(Budget(restarts=1000), Backoff(first=1e306, max=1e306, jitter=0, stable_after=math.inf))

    def test_defaults(self):
        """
        What one gets without a word fits together.
        """
        check_reachable(Budget(), Backoff())

        assert spends(Budget(), Backoff())


class TestLedger:
    @given(st.integers(0, 6), EIGHTHS.filter(bool), st.lists(EIGHTHS, max_size=60))
    def test_the_window_slides_and_its_edge_counts(self, restarts, per, pauses):
        """
        What counts is every restart within the last seconds, the last instant included, and nothing else.
        """
        ledger, times = Ledger(Budget(restarts=restarts, per=per)), list(itertools.accumulate(pauses))
        for number, now in enumerate(times):
            counted = [index for index in range(number + 1) if now - times[index] <= per]

            assert (len(counted) <= restarts) == ledger.enter(now, f"line {number}")
            assert len(counted) == ledger.spent
            assert tuple(f"line {index}" for index in counted) == ledger.history

    def test_edge(self):
        """
        A restart counts until the very end of its time, and not a moment longer.
        """
        ledger = Ledger(Budget(restarts=1, per=10))

        assert [True, False] == [ledger.enter(0, "first"), ledger.enter(10, "second")]
        ledger = Ledger(Budget(restarts=1, per=10))
        assert [True, True] == [ledger.enter(0, "first"), ledger.enter(math.nextafter(10, 11), "second")]

    def test_one_more_than_forgiven(self):
        """
        As many as the budget says are forgiven, and the next is not.
        """
        ledger = Ledger(Budget(restarts=3, per=1))

        assert [True, True, True, False] == [ledger.enter(0, "") for _ in range(4)]

    def test_nothing_is_forgiven(self):
        """
        A budget of none is spent by the first failure.
        """
        assert not Ledger(Budget(restarts=0)).enter(5, "")

    def test_for_ever(self):
        """
        A window without end forgets nothing.
        """
        ledger = Ledger(Budget(restarts=2, per=math.inf))

        assert [True, True, False] == [ledger.enter(now, "") for now in (0, 1e9, 1e18)]

    def test_who_never_gives_up_keeps_nothing(self):
        """
        A budget without end forgives everything, with any backoff, and remembers none of it.
        """
        budget = Budget(restarts=math.inf, per=1.0)
        ledger = Ledger(budget)
        check_reachable(budget, Backoff(first=1e6, max=1e6))

        assert all(ledger.enter(0.0, "") for _ in range(1000))
        assert (0, ()) == (ledger.spent, ledger.history)

    def test_a_row(self):
        """
        So many failures in a row are forgiven, and the next is not, however far apart they are.
        """
        ledger = Ledger(Budget(restarts=1, per=1.0, in_a_row=2))

        assert [True, True, False] == [ledger.enter(10.0 * row, "", row) for row in (1, 2, 3)]
        assert ledger.row_is_spent
        assert Ledger(Budget(in_a_row=1)).enter(0.0, "the first")

    def test_a_window_is_spent_before_a_row(self):
        """
        With both, the one that is spent first counts.
        """
        ledger = Ledger(Budget(restarts=1, per=60.0, in_a_row=2))

        assert [True, False] == [ledger.enter(0.0, "", row) for row in (1, 2)]
        assert not ledger.row_is_spent

    def test_a_row_alone(self):
        """
        Where only a row counts, the history is no longer than one, and any backoff will do.
        """
        budget = Budget(restarts=math.inf, in_a_row=1)
        check_reachable(Budget(restarts=9, per=1.0, in_a_row=5), Backoff(first=60, max=60))
        ledger = Ledger(budget)

        assert [True] * 9 == [ledger.enter(0.0, f"line {number}", 1) for number in range(9)]
        assert not ledger.enter(0.0, "line 9", 2)
        assert ("line 8", "line 9") == ledger.history

    def test_new(self):
        """
        A new ledger is empty, and two do not share their lines.
        """
        first, second = Ledger(Budget()), Ledger(Budget())
        first.enter(0, "line")

        assert (1, 0) == (first.spent, second.spent)
        assert (("line",), ()) == (first.history, second.history)
