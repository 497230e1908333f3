"""
The parts of the explorer that know nothing of trio: tokens, steering, the search, and shrinking.
"""

import math
import random

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_run.testing import _explore_by_place
from trio_run.testing._explore_by_place import AtSlowPlaces, Seen, WithStalls
from trio_run.testing._explore_choosers import ByChance, ByPriority, Told
from trio_run.testing._explore_listing import MOST_LINES, listing
from trio_run.testing._explore_places import Passed
from trio_run.testing._explore_search import Coverage, Strategy, bounded, plan_for
from trio_run.testing._explore_shrink import shrink
from trio_run.testing._explore_steering import FAIR, Steering
from trio_run.testing._explore_steps import Step
from trio_run.testing._explore_token import Model, Token

CHOICES = st.lists(st.integers(0, 30), max_size=60)


class TestToken:
    @given(CHOICES, st.sampled_from(Model), st.floats(0, 1e6))
    def test_a_token_read_back_is_the_token_that_was_written(self, choices, model, slack):
        """
        Nothing is lost between writing and reading.
        """
        token = Token(choices, model, slack)

        assert token == Token.read(str(token))

    @pytest.mark.parametrize(
        ("token", "text"),
        [
            (Token([]), "wide:0"),
            (Token([1, 0, 2, 0, 0]), "wide:1.0.2"),
            (Token([0, 0, 0, 0, 1]), "wide:0x4.1"),
            (Token([1, 1, 1], Model.STRICT), "strict:1.1.1"),
            (Token([1], Model.WIDE, 0.05), "wide+0.05:1"),
        ],
        ids=str,
    )
    def test_text(self, token, text):
        """
        A token is short, and defaults at its end are left out.
        """
        assert text == str(token)

    @pytest.mark.parametrize(
        "text", ["", "wide", "1.2", "broad:1", "wide:", "wide:x", "wide:-1", "wide+x:1", "wide+-1:1", "wide+inf:1"]
    )
    def test_no_token(self, text):
        """
        What is no token is refused, and shown.
        """
        with pytest.raises(ValueError, match="is no token of a schedule") as caught:
            Token.read(text)

        assert repr(text) in str(caught.value)


class TestSteering:
    def test_default(self):
        """
        By default who ran goes on as long as it can, then whoever waited longest.
        """
        steering = Steering(Told())
        steering.admit(*"abc")
        went = [steering.take()]
        steering.admit(*"a")
        went.append(steering.take())
        went.append(steering.take())
        steering.admit(*"a")
        went += [steering.take(), steering.take()]

        assert ["a", "a", "b", "c", "a"] == went
        assert [0] * len(steering.choices) == steering.choices

    def test_preemption(self):
        """
        Who could have gone on and was passed over stands last.
        """
        steering = Steering(Told([0, 1]))
        steering.admit(*"abc")
        steering.take()
        steering.admit(*"a")

        assert ("b", True) == (steering.take(), steering.preempted)
        assert ["c", "a"] == [steering.take(), steering.take()]
        assert ([0, 1, 0], [3, 3, 2]) == (steering.choices, steering.widths)

    @given(CHOICES)
    def test_the_choices_made_are_enough_to_make_them_again(self, choices):
        """
        Replaying what was noted leads to the same steps.
        """

        def play(chooser):
            steering, chance, went = Steering(chooser), random.Random(1), []
            steering.admit(*range(4))
            for _ in range(60):
                went.append(steering.take())
                steering.admit(*([went[-1]] if chance.random() < 0.6 or steering.anyone is None else []))
            return steering.choices, went

        noted, went = play(Told(choices))

        assert (noted, went) == play(Told(noted))

    @pytest.mark.parametrize(
        "chooser",
        [
            Told(),
            ByChance(3),
            ByPriority(3, changes=2, length=50),
            Told([1] * 5000),
            AtSlowPlaces(3, Passed({(): 1})),
            WithStalls(3, 2, Passed({(): 50})),
        ],
        ids=lambda chooser: type(chooser).__name__,
    )
    def test_nobody_is_passed_over_more_than_fair_times(self, chooser):
        """
        Whatever is chosen, everybody gets their turn.
        """
        steering = Steering(chooser)
        steering.admit(*range(3))
        waited = dict.fromkeys(range(3), 0)
        longest = 0
        for _ in range(4000):
            went = steering.take()
            steering.admit(went)
            waited = {task: 0 if task == went else times + 1 for task, times in waited.items()}
            longest = max(longest, *waited.values())

        assert longest <= FAIR + 2

    def test_closed(self):
        """
        Once it is closed nobody is asked any more, and nothing is noted.
        """
        steering = Steering(Told([1, 1, 1]))
        steering.admit(*"abc")
        steering.is_open = False

        assert ("a", "b", "c", []) == (steering.take(), steering.take(), steering.take(), steering.choices)


@attrs.frozen
class Tree:
    """
    A program with the same number of candidates at each choice.
    """

    widths: tuple[int, ...]
    candidates: dict[int, tuple[str, ...]] = attrs.field(factory=dict)

    def run(self, chooser):
        """
        What is chosen.
        """
        choices = tuple(
            chooser.pick(self.candidates.get(place, range(width))) for place, width in enumerate(self.widths)
        )
        return attrs.make_class("Tried", ["choices", "widths"])(choices, self.widths)

    def follow(self, plan, most=10_000):
        """
        All that a plan runs.
        """
        seen = []
        try:
            chooser = next(plan)
            while len(seen) < most:
                tried = self.run(chooser)
                seen.append(tried.choices)
                chooser = plan.send(tried)
        except StopIteration:
            pass
        return seen


def preemptions(choices):
    return sum(choice > 0 for choice in choices)


class TestSearch:
    @given(st.lists(st.integers(2, 4), max_size=5), st.integers(0, 5), st.integers(0, 9))
    def test_no_schedule_within_the_bound_is_left_out_or_run_twice(self, widths, bound, seed):
        """
        The bounded search runs each schedule with so many preemptions once, the fewest first.
        """
        tree, coverage = Tree(tuple(widths)), Coverage()
        seen = tree.follow(bounded(lambda _level: 10_000, bound, seed, coverage))

        every = [()]
        for width in widths:
            every = [(*begun, choice) for begun in every for choice in range(width)]
        assert sorted(each for each in every if preemptions(each) <= bound) == sorted(seen)
        assert sorted(map(preemptions, seen)) == list(map(preemptions, seen))
        assert (math.inf if len(seen) == len(every) else bound) == coverage.preemptions

    @given(st.integers(0, 30), st.integers(0, 9))
    def test_a_bound_that_was_not_covered_is_not_told(self, share, seed):
        """
        Where the share of a level was too small, only the level below counts.
        """
        tree, coverage = Tree((3,) * 6), Coverage()
        seen = tree.follow(bounded(lambda _level: share, 2, seed, coverage))

        assert len(set(seen)) == len(seen) <= 1 + 2 * share
        assert (1 if share >= 12 else 0) == coverage.preemptions

    @pytest.mark.parametrize("strategy", Strategy)
    @pytest.mark.parametrize("schedules", [1, 2, 7, 100])
    def test_the_same_seed_makes_the_same_plan(self, strategy, schedules):
        """
        Chance depends on the seed alone.
        """
        first, second = (
            Tree((3,) * 20).follow(plan_for(strategy, schedules, 2, 5, Coverage()), schedules) for _ in range(2)
        )

        assert first == second
        assert len(first) == schedules

    def test_combo_shares(self):
        """
        Half of a combination is bounded search, and the rest goes to chance.
        """
        seen = Tree((3,) * 40).follow(plan_for(Strategy.COMBO, 200, 2, 5, Coverage()), 200)

        assert [0] + [1] * 50 + [2] * 49 == list(map(preemptions, seen))[:100]

    @pytest.mark.usefixtures("standing")
    def test_each_place_has_the_same_chance(self):
        """
        Where not all can be run, as many schedules preempt somebody at a place passed once as at one passed ninety times.
        """
        tree = Tree((9,) * 91, candidates={90: ("once", *"abcdefgh")})
        seen = tree.follow(bounded(lambda _level: 16, 1, 5, Coverage()))

        assert 8 == sum(choices[90] > 0 for choices in seen)
        assert len(seen) == len(set(seen)) == 17


@pytest.fixture
def standing(monkeypatch):
    """
    Have each task that is a string stand at a place of its own, and all others at one.
    """
    monkeypatch.setattr(_explore_by_place, "place_of", lambda task: task if isinstance(task, str) else "loop")


@pytest.mark.usefixtures("standing")
class TestByPlace:
    def test_slow_places(self):
        """
        Who stands at a slow place goes only if nobody else can.
        """
        chosen = set()
        for seed in range(50):
            chooser = AtSlowPlaces(seed, Passed(a=1, b=1))
            picks = [chooser.pick("abc") for _ in range(9)], [chooser.pick("ab") for _ in range(3)]
            slow = "".join(sorted(chooser._slow))
            chosen.add(slow)
            assert not {"abc"[pick] for pick in picks[0]} & set(slow)
            assert (
                slow == "ab"
                or "ba"[slow == "b"] not in slow
                or {"ab"[pick] for pick in picks[1]} == {"ab"[slow == "a"]}
            )

        assert {"a", "b", "ab"} == chosen

    def test_who_went_on_from_a_slow_place_is_slow_no_more(self):
        """
        A task is held only as long as it stands there.
        """
        places = {1: "slow", 2: "slow"}
        chooser = AtSlowPlaces(0, Passed(slow=1))

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(_explore_by_place, "place_of", places.__getitem__)
            chooser._in_order = True
            first = chooser.pick([1, 2])
            places[1] = "quick"

            assert [0, 0, 1] == [first, chooser.pick([1, 2]), chooser.pick([2, 1])]

    def test_stalls(self):
        """
        Whoever would go at a moment that was chosen is put last and stays there.
        """
        moments = set()
        for seed in range(40):
            chooser = WithStalls(seed, 1, Passed(a=4, b=1))
            went = "".join("abc"[chooser.pick("abc")] for _ in range(6))
            moments.add(went)

        assert {"aaaaaa", "bbbbbb", "abbbbb", "aabbbb", "aaabbb"} == moments

    def test_stalled_by_turns(self):
        """
        If everybody is stalled, who was stalled first goes first.
        """
        chooser = WithStalls(0, 0, Passed())
        chooser._moments, chooser._counts = {"a": {1}, "b": {1}}, {"a": 0, "b": 0}

        assert [2, 0, 1] == [chooser.pick("abc"), chooser.pick("ab"), chooser.pick("ba")]

    def test_nothing_was_passed(self):
        """
        A program without a choice has no places to go by.
        """
        assert [0, 0] == [WithStalls(1, 3, Passed()).pick("ab"), Seen().pick("ab")]
        assert AtSlowPlaces(1, Passed()).pick("ab") < 2

    def test_most_passed(self):
        """
        Of several runs, that one counts for a place in which it was passed most.
        """
        passed = Passed(a=2, b=5)
        passed.note({"a": 3, "b": 1, "c": 1})

        assert {"a": 3, "b": 5, "c": 1} == passed


class TestShrink:
    @given(st.sets(st.integers(0, 40), min_size=1, max_size=4), st.lists(st.integers(0, 5), min_size=41, max_size=50))
    def test_what_comes_out_fails_with_no_more_than_it_needs(self, needed, choices):
        """
        Only the choices that matter are left, each as low as it can be.
        """
        begun = [max(1, choice) if place in needed else choice for place, choice in enumerate(choices)]

        def fails(tried):
            return all(place < len(tried) and tried[place] for place in needed)

        expected = [int(place in needed) for place in range(max(needed) + 1)]

        assert expected == list(shrink(begun, fails, budget=10_000))

    def test_budget(self):
        """
        It stops when it has asked often enough.
        """
        asked = []

        def fails(choices):
            asked.append(choices)
            return False

        assert (1,) * 50 == shrink((1,) * 50, fails, budget=20)
        assert 20 == len(asked)

    def test_default_schedule(self):
        """
        What fails without any choice is the least there is, and nothing is asked.
        """
        assert () == shrink((0,) * 50, fails=None)


def steps(names, *, chosen=""):
    """
    A step for each letter.
    """
    return [Step(name, f"a.py:1 {name}", f"a.py:2 {name}", name in chosen) for name in names]


class TestListing:
    def test_each_step_has_a_line(self):
        """
        What happens once or twice is shown as it is.
        """
        trace = steps("abcabcdd", chosen="c")

        assert [*map(str, trace[:6]), f"{trace[6]}, 2 times"] == listing(trace).splitlines()

    def test_what_goes_round_is_shown_once(self):
        """
        Steps that come again and again in one order are shown for one round.
        """
        lines = listing(steps("x" + "abb" * 1000 + "y")).splitlines()

        assert ["x", "a", "b", "y"] == [line.split()[0] for line in (lines[0], *lines[2:4], lines[-1])]
        assert "These 2 lines, 1000 times in a row:" == lines[1]
        assert len(lines) == 5

    @given(st.text("abc", max_size=60))
    def test_no_step_is_left_out(self, names):
        """
        Unfolded again, a listing has all steps in their order.
        """
        shown, lines = "", iter(listing(steps(names)).splitlines())
        for line in lines:
            if line.startswith("These "):
                words = line.split()
                shown += "".join(_unfolded(next(lines)) for _ in range(int(words[1]))) * int(words[3])
            else:
                shown += _unfolded(line)

        assert names == shown

    def test_too_long(self):
        """
        Of what never repeats both ends are shown, with each choice in between that is not the default, and what was left out.
        """
        chance = random.Random(3)
        names = [str(chance.randrange(100, 10**6)) for _ in range(5000)]
        lines = listing(steps(names, chosen=names[2500:2501])).splitlines()

        assert MOST_LINES + 3 == len(lines)
        assert (names[0], names[-1]) == (lines[0].split()[0], lines[-1].split()[0])
        assert [f"* {names[2500]}"] == [line[: len(names[2500]) + 2] for line in lines if line.startswith("*")]
        assert 5000 - MOST_LINES - 1 == sum(int(line.split()[1]) for line in lines if line.startswith("... "))


def _unfolded(line):
    """
    The steps of a line, as letters.
    """
    return line.split()[0] * int(line.split()[-2] if line.endswith("times") else 1)


class TestToldChooser:
    def test_out_of_range(self):
        """
        A choice that is out of range means the last candidate, and past its end all are defaults.
        """
        told = Told([9, 1])

        assert [2, 1, 0] == [told.pick("abc") for _ in range(3)]
        assert [True, False] == [Told([1]).happens(), Told().happens()]
