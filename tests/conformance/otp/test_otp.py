"""
Our supervisor does what OTP's did in 2,500 recordings, but for the deviations that have a name.
"""

import gzip
import json
import re
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conformance.otp import model, player
from tests.conformance.otp.__main__ import main
from tests.conformance.otp.comparable import comparable
from tests.conformance.otp.deviation import ALL, Deviation
from tests.conformance.otp.recording import BadRecordingError, parse, read, scenario_from
from tests.conformance.otp.scenarios import other_scenario, random_scenario, rare_scenario
from tests.conformance.otp.verdict import differ, judge, story_of

GOLDEN = Path(__file__).with_name("golden.jsonl.gz")
PAGE = Path(__file__).parents[3] / "docs" / "explanation" / "otp.md"
RECORDINGS = list(read(GOLDEN))
RARE = list(read(GOLDEN.with_name("rare.jsonl.gz")))
"""Of dynamic supervisors, and of such as are killed or have too little time to stop."""

BATCHES = range(8)


def batch_of(number: int) -> list:
    """
    Every eighth recording.
    """
    return [*RECORDINGS, *RARE][number :: len(BATCHES)]


class TestGolden:
    @pytest.mark.parametrize("batch", BATCHES)
    def test_every_recording_is_equalled(self, batch: int):
        """
        Ours equals the recording where no deviation makes a difference, and the model with all of them on where one does.
        """
        verdicts = [(recording.where, judge(recording)) for recording in batch_of(batch)]

        assert [] == [(where, verdict.complaint) for where, verdict in verdicts if verdict.complaint]

    def test_the_model_without_deviations_is_otp(self):
        """
        With all switches off the model tells each of the recordings to the last event.
        """
        assert 2000 == len(RECORDINGS)
        assert [] == [each.where for each in RECORDINGS if differ(story_of(each), model.play(each.scenario))]

    def test_the_model_knows_what_is_rare(self):
        """
        So it does of dynamic supervisors and of killed ones, as far as what they do is no race; and more than half need no deviation.
        """
        verdicts = [judge(each, lambda scenario: model.play(scenario, ALL)) for each in RARE]

        assert 500 == len(RARE)
        assert [] == [each.complaint for each in verdicts if "The model does not know" in each.complaint]
        assert 250 < sum(not each.deviations for each in verdicts)
        assert 100 < sum("simple_one_for_one" in repr(each.scenario) for each in RARE)
        assert 100 < sum(any(event.get("r") == "killed" for event in each.events) for each in RARE)

    def test_most_recordings_need_no_deviation(self):
        """
        More than half are compared with the recording itself, and each deviation is needed somewhere.
        """
        needed = Counter(
            deviation for each in RECORDINGS[:600] for deviation in judge(each, lambda s: model.play(s, ALL)).deviations
        )
        direct = [each for each in RECORDINGS if not differ(story_of(each), model.play(each.scenario, ALL))]

        assert len(direct) > len(RECORDINGS) / 2
        assert {Deviation.GIVING_UP_IS_A_FAILURE, Deviation.ONE_MOMENT, Deviation.WISHES_ARE_KEPT} <= set(needed)

    def test_every_deviation_is_explained(self):
        """
        The page on OTP names each switch with the rule that it follows from, and with a report or a test that shows why.
        """
        rows = {row.split("|")[1].strip(" `"): row for row in PAGE.read_text().splitlines() if row.startswith("| `")}
        shown = re.compile(r"\(https://github\.com/|`tree`|`hanging_restart_loop|`test_")

        assert [] == [each.name for each in Deviation if "](../reference/rules.md#" not in rows.get(each.name, "")]
        assert [] == [each.name for each in Deviation if not shown.search(rows[each.name].split("|")[5])]


class TestRandom:
    @pytest.mark.parametrize("batch", range(4))
    def test_scenarios_nobody_recorded(self, batch: int):
        """
        In random scenarios ours equals the model with all deviations on.
        """
        assert [] == [seed for seed in range(batch * 150, batch * 150 + 150) if disagreement(seed)]

    @pytest.mark.parametrize("batch", range(2))
    def test_scenarios_of_other_shapes(self, batch: int):
        """
        So it does where there is more of one thing than is usual.
        """
        assert [] == [seed for seed in range(batch * 150, batch * 150 + 150) if disagreement(seed, other_scenario)]

    @pytest.mark.parametrize("batch", range(2))
    def test_scenarios_of_what_is_rare(self, batch: int):
        """
        So it does with dynamic supervisors, and with such as are killed.
        """
        assert [] == [seed for seed in range(batch * 150, batch * 150 + 150) if disagreement(seed, rare_scenario)]

    @pytest.mark.slow
    @pytest.mark.timeout(50)
    @pytest.mark.parametrize("batch", range(20))
    @pytest.mark.parametrize("make", [random_scenario, other_scenario, rare_scenario])
    def test_many_scenarios_nobody_recorded(self, make: Callable[[int], dict], batch: int):
        """
        The same for twenty thousand of each kind.
        """
        assert [] == [seed for seed in range(batch * 1000, batch * 1000 + 1000) if disagreement(seed, make)]

    @pytest.mark.parametrize("deviation", Deviation)
    def test_each_switch_makes_a_difference(self, deviation: Deviation):
        """
        Without any one of the deviations the model would tell some story otherwise.
        """
        scenarios = (scenario_from(random_scenario(seed)) for seed in range(4000))

        assert any(differ(model.play(each, ALL), model.play(each, ALL - {deviation})) for each in scenarios)


class TestWhatOtpDoes:
    """
    With all switches off, in scenarios behind a deviation that no report was found for.
    """

    @pytest.mark.parametrize(("order", "gives_up"), [("ac", False), ("ca", True)])
    def test_the_order_of_exits_costs_otp_a_restart(self, order: str, gives_up: bool):
        """
        Under rest_for_one the exits of a and c are one failure, those of c and a are two; ours are one in any order.
        """
        flags = {"strategy": "rest_for_one", "intensity": 1}
        burst = ["burst", [[[name], "crash"] for name in order]]
        scenario = scenario_from({"flags": flags, "specs": [{"id": name} for name in "abc"], "ops": [burst]})

        assert gives_up == any(each.get("c") == "shutdown" for each in model.play(scenario).events)
        assert not any(each.get("c") == "shutdown" for each in player.play(scenario).events)

    def test_otp_starts_a_child_before_those_it_depends_on(self):
        """
        The second of two is restarted by hand while the first does not start: it runs, is stopped, and starts again.
        """
        specs = [{"id": "a", "plan": ["ok", ["hold_error", ["restart", [], "b"]], "ok"]}, {"id": "b"}]
        flags = {"strategy": "rest_for_one", "intensity": 5}
        scenario = scenario_from({"flags": flags, "specs": specs, "ops": [["exit", ["a"], "crash"]]})
        otp, ours = (
            [each["p"] for each in play(scenario).events if each["e"] == "start"] for play in (model.play, player.play)
        )

        assert ["a", "b", "a", "b", "a", "b"] == otp
        assert ["a", "b", "a", "a", "b"] == ours


class TestCallsDuringAStart:
    def played(self, flags: dict, specs: list, ops: list) -> list[tuple[str, str]]:
        """
        What the calls were answered, after the model has told the same.
        """
        scenario = scenario_from({"flags": flags, "specs": specs, "ops": ops})
        story = player.play(scenario)

        assert not differ(model.play(scenario, ALL), story)
        return story.held

    def test_the_supervisor_that_was_asked_has_a_successor(self):
        """
        A call is not for a supervisor of the same name that comes after the one it was made to.
        """
        calls = ["ok", ["hold_error", ["terminate", ["s"], "x"]], "ok"]
        inner = [{"intensity": 1}, [{"id": "x", "plan": calls}]]

        assert [("terminate", "noproc")] == self.played(
            {}, [{"id": "s", "sup": inner}], [["exit", ["s", "x"], "crash"]]
        )

    def test_a_supervisor_above_is_started_again_at_once(self):
        """
        There is no time for a call between a supervisor that gave up and its next life.
        """
        calls = ["ok", ["hold_error", ["restart", ["s"], "d"]], ["hold_error", ["restart", ["s"], "d"]], "ok"]
        inner = [{"intensity": 1}, [{"id": "x", "plan": calls}]]
        ops = [["exit", ["s", "x"], "crash"]]

        assert [("restart", "noproc"), ("restart", "noproc")] == self.played({}, [{"id": "s", "sup": inner}], ops)

    @pytest.mark.parametrize("_time", range(8))
    def test_who_came_up_and_had_to_go_in_the_same_moment(self, _time: int):
        """
        It was up: so the call says, whichever task comes first.
        """
        one = {"id": "c", "shutdown": "brutal_kill", "plan": ["ok", ["hold_error", ["restart", [], "c"]], "raise"]}
        two = {"id": "d", "plan": ["ok", "raise", "raise", "error"]}
        ops = [["burst", [[["d"], "crash"], [["c"], "crash"]]]]

        assert [("restart", "ok")] == self.played({"intensity": 5}, [one, two], ops)

    @pytest.mark.parametrize("_time", range(12))
    def test_starts_of_one_moment(self, _time: int):
        """
        Their calls are made in start order, though their tasks run in any.
        """
        one = [{"id": "a", "plan": ["ok", ["hold_error", ["terminate", [], "c"]]]}]
        two = [{"id": "b", "plan": ["ok", ["hold_error", ["delete", [], "c"]]]}]
        ops = [["burst", [[["b"], "crash"], [["a"], "crash"]]]]

        assert [("delete", "ok"), ("terminate", "ok")] == self.played({"intensity": 5}, [*one, *two, {"id": "c"}], ops)

    def test_the_path_of_a_call_is_that_of_the_child(self):
        """
        It goes to the supervisor that starts the child, as the recorder has it, whatever it says.
        """
        ops = [["plan", ["a"], [["hold_error", ["terminate", ["s"], "b"]]]], ["exit", ["a"], "crash"]]

        assert [("terminate", "ok")] == self.played({"intensity": 5}, [{"id": "a"}, {"id": "b"}, {"id": "s"}], ops)


def test_moments_do_not_add_up():
    """
    What passes while starts are tried again is less than any second: a window's edge is where it is without.
    """
    tries = ["ok", *["error"] * 30, ["hold_error", ["restart", [], "d"]], "ok"]
    for age, ends in ((5, True), (6, False)):
        ops = [["exit", ["a"], "crash"], ["advance", age], ["exit", ["b"], "crash"]]
        scenario = scenario_from(
            {"flags": {"intensity": 32, "period": 5}, "specs": [{"id": "a", "plan": tries}, {"id": "b"}], "ops": ops}
        )
        story = player.play(scenario)

        assert not differ(model.play(scenario, ALL), story)
        assert ends == (story.events[-1]["r"] == "gave_up")


def disagreement(seed: int, make: Callable[[int], dict] = random_scenario) -> object:
    """
    What our supervisor and the model disagree about in a random scenario.
    """
    scenario = scenario_from(make(seed))
    expected, played = model.play(scenario, ALL), player.play(scenario)
    return differ(*(comparable(each, scenario, expected) for each in (expected, played)))


class TestJudge:
    def test_an_event_that_was_tampered_with(self):
        """
        A recording that is wrong in one word of one event is found out, whichever it is.
        """
        data = json.loads(json.dumps({"flags": {}, "specs": [{"id": "a"}], "ops": [["exit", ["a"], "crash"]]}))
        events = model.play(scenario_from(data)).events

        for number, event in enumerate(events):
            for key in event:
                wrong = [dict(each) for each in events]
                wrong[number][key] = "exit" if event[key] == "stop" else "stop"

                assert self.complaint({**data, "events": wrong}), (number, key)

    def complaint(self, data: dict) -> str:
        """
        What is wrong with a recording.
        """
        try:
            return judge(parse(json.dumps(data))).complaint
        except BadRecordingError as exc:
            return str(exc)

    def test_a_supervisor_that_does_otherwise(self):
        """
        A supervisor that does what OTP does where we deviate is found out, and the complaint shows where.
        """
        recording = next(each for each in RECORDINGS if judge(each).deviations)
        verdict = judge(recording, model.play)

        assert "model   {" in verdict.complaint
        assert "played  {" in verdict.complaint

    def test_a_supervisor_that_breaks(self):
        """
        What it raised is in the complaint.
        """
        verdict = judge(RECORDINGS[0], lambda _scenario: 1 / 0)  # type: ignore[arg-type,return-value]

        assert "ZeroDivisionError" in verdict.complaint


class TestCommand:
    def write(self, path: Path, *recordings: object) -> str:
        """
        Write recordings to a file.
        """
        path.write_text("\n".join(json.dumps(each) for each in recordings))
        return str(path)

    def golden(self, count: int) -> list:
        """
        The first recordings as they stand in the file.
        """
        with gzip.open(GOLDEN, "rt") as lines:
            return [json.loads(next(lines)) for _ in range(count)]

    def test_all_pass(self, tmp_path, capsys):
        """
        The last line counts them, and the exit code is 0.
        """
        assert 0 == main([self.write(tmp_path / "some.jsonl", *self.golden(5))])
        assert "5 passed, 0 failed" == capsys.readouterr().out.splitlines()[-1]

    def test_one_fails(self, tmp_path, capsys):
        """
        The recording is named with the first event that differs, and the exit code is 1.
        """
        recordings = self.golden(3)
        recordings[1]["events"][0]["n"] = 7

        assert 1 == main([self.write(tmp_path / "some.jsonl", *recordings)])

        lines = capsys.readouterr().out.splitlines()

        assert lines[0].startswith("some.jsonl:2: differs")
        assert '"n": 7' in lines[2]
        assert "2 passed, 1 failed" == lines[-1]

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            ("", "holds no recording"),
            ("nonsense", "is no JSON"),
            ("[]", "a recording is an object"),
            ('{"flags": {}, "specs": [], "ops": []}', "'events' is missing"),
            ('{"flags": {"strategy": "some"}, "specs": [], "ops": [], "events": []}', "strategy is one of"),
            (
                '{"flags": {}, "specs": [], "ops": [], "events": [{"e": "snap", "s": "/", "cnt": [], "ch": [1]}]}',
                "a row of a snap",
            ),
            ('{"flags": {}, "specs": [], "ops": [], "events": [{"e": "root_exit", "r": "function_clause"}]}', "broke"),
            ('{"flags": {}, "specs": [], "ops": [["dance"]], "events": []}', "there is no op"),
            (
                '{"flags": {}, "specs": [], "ops": [["plan", ["a"], [["hold_error", ["start", ["b"], {"id": "c"}]]]]], "events": []}',
                "a can only have children started by its own supervisor",
            ),
            ('{"flags": {}, "specs": [], "ops": [["advance", -1]], "events": []}', "at least 0"),
            ('{"flags": {}, "specs": [], "ops": [], "events": [{"e": "party"}]}', "there is no event"),
        ],
    )
    def test_no_recording(self, tmp_path, capsys, content, message):
        """
        A file that cannot be replayed is refused with the reason, and the exit code is 2.
        """
        file = tmp_path / "bad.jsonl"
        file.write_text(content)

        assert 2 == main([str(file)])
        assert message in capsys.readouterr().err

    def test_lines_that_are_refused(self, tmp_path, capsys):
        """
        They are named with their numbers and counted, the others are played all the same, and the exit code is 2.
        """
        file = tmp_path / "some.jsonl"
        good = [json.dumps(each) for each in self.golden(3)]
        file.write_text("\n".join([good[0], "", "  ", "nonsense", good[1], '{"flags": {}}', good[2], ""]))

        assert 2 == main([str(file)])

        said = capsys.readouterr()

        assert ["3 passed, 0 failed", "2 refused"] == said.out.splitlines()[-2:]
        assert ["some.jsonl:4", "some.jsonl:6"] == [line[:12] for line in said.err.splitlines()]

    def test_one_fails_and_one_is_refused(self, tmp_path, capsys):
        """
        Then the exit code is 1.
        """
        recordings = self.golden(2)
        recordings[1]["events"][0]["n"] = 7

        assert 1 == main([self.write(tmp_path / "some.jsonl", [], *recordings)])
        assert ["1 passed, 1 failed", "1 refused"] == capsys.readouterr().out.splitlines()[-2:]

    def test_what_a_recording_may_have(self, tmp_path, capsys):
        """
        Fields that nobody knows, no child where one may stand, names that are numbers, and no exits of supervisors, as in a
        recording of OTP's supervisor as it is installed.
        """
        recording = self.golden(1)[0]
        recording["id"] = recording["flags"]["note"] = recording["specs"][0]["note"] = 1
        recording["specs"].append("none")
        stock = self.golden(2)[1]
        stock["events"] = [each for each in stock["events"] if each["e"] not in {"kill", "sup_exit"}]
        numbered = json.loads(json.dumps(self.golden(1)[0]).replace('"a"', "7"))
        for event in numbered["events"]:
            event |= {key: str(value) for key, value in event.items() if value == 7 and key == "p"}

        assert 0 == main([self.write(tmp_path / "some.jsonl", recording, stock, numbered)]), capsys.readouterr().out

    def test_no_file(self, tmp_path, capsys):
        """
        So is one that is not there, or only half there.
        """
        half = tmp_path / "half.jsonl.gz"
        half.write_bytes(GOLDEN.read_bytes()[:1000])

        assert 2 == main([str(tmp_path / "none.jsonl")])
        assert 2 == main([str(half)])
        assert "none.jsonl cannot be read" in capsys.readouterr().err

    def test_a_place_in_the_file(self):
        """
        What is wrong is told with where it stands.
        """
        with pytest.raises(BadRecordingError, match=r"^here: .*'id' is missing"):
            parse('{"flags": {}, "specs": [{}], "ops": [], "events": []}', "here")


if shutil.which("escript"):

    @pytest.mark.otp
    @pytest.mark.real
    @pytest.mark.timeout(50)
    @pytest.mark.parametrize("batch", range(10))
    def test_fresh_recordings(tmp_path, batch):
        """
        What OTP does in two thousand scenarios that were never recorded before is equalled too.
        """
        from tests.conformance.otp.record import record  # noqa: PLC0415 - needs escript

        file, seeds = tmp_path / "fresh.jsonl", range(batch * 100, batch * 100 + 100)
        record(file, [make(seed) for make in (random_scenario, other_scenario) for seed in seeds])

        assert 0 == main([str(file)])

    @pytest.mark.otp
    @pytest.mark.real
    @pytest.mark.slow
    @pytest.mark.timeout(50)
    @pytest.mark.parametrize("batch", range(10))
    def test_fresh_recordings_of_rare_scenarios(tmp_path, batch):
        """
        So is what it does where children are killed and shutdowns run out, if it does the same twice: on a busy machine OTP races.
        """
        from tests.conformance.otp.record import record  # noqa: PLC0415 - needs escript

        file, takes = tmp_path / "fresh.jsonl", []
        for _ in range(2):
            record(file, [rare_scenario(seed) for seed in range(batch * 100, batch * 100 + 100)])
            takes.append(file.read_text().splitlines())
        same = [one for one, other in zip(*takes, strict=True) if one == other]
        file.write_text("\n".join(same))

        assert len(same) > 50
        assert 0 == main([str(file)])
