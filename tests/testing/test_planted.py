"""
The corpus: each planted bug is found, its mended twin is not reported, and the documentation counts them right.
"""

import random

import pytest

from tests.planted import corpus, table
from trio_run.leaks import Kind, frozen_heap
from trio_run.testing import Verdict, replay

pytestmark = pytest.mark.no_leak_check("it leaks on purpose")


def planted(*folders):
    """
    Have a test run for each program of some folders.
    """
    programs = [(folder, name) for folder in folders for name in corpus.names(folder)]
    return pytest.mark.parametrize(("folder", "name"), programs, ids=[name for _, name in programs])


@pytest.fixture
def program(folder, name):
    """
    One of them.
    """
    return corpus.load(folder, name)


@pytest.fixture
def seed():
    """
    One of the seeds that the documentation counts for, another one in each run of the suite.
    """
    return random.randrange(corpus.SEEDS)


class TestRaces:
    @planted("races")
    def test_found(self, program, seed):
        """
        A planted race is found within 200 schedules, and its token makes it happen again.
        """
        result = corpus.explored(program, program.broken, seed=seed)
        again = replay(program.broken, result.token, max_steps=getattr(program, "MAX_STEPS", 100_000))

        assert result.failure is not None
        assert result.diverged is None
        assert (result.token, type(result.failure)) == (again.token, type(again.failure))

    @planted("races")
    def test_mended(self, program, seed):
        """
        A program without a race is not reported.
        """
        result = corpus.explored(program, program.mended, seed=seed, schedules=60)

        assert (None, None, None) == (result.failure, result.token, result.diverged)


class TestEverywhere:
    @planted("everywhere")
    def test_found(self, program):
        """
        A broken clean-up is found by the tools that the program names, with the verdict, and in its own file.
        """
        for tool in program.FINDS:
            assert corpus.is_found_everywhere(program, tool), str(corpus.tried(program, program.broken, tool))

    @planted("everywhere")
    def test_mended(self, program):
        """
        Its mended twin is not, by either of them.
        """
        for tool in corpus.TOOLS:
            assert [] == list(corpus.tried(program, program.mended, tool).findings)

    def test_verdicts(self):
        """
        Each verdict is planted but that trio breaks down.
        """
        found = {
            verdict for name in corpus.names("everywhere") for verdict in corpus.load("everywhere", name).FINDS.values()
        }

        assert {each.value for each in Verdict} - {"crash"} == found


@pytest.mark.real
class TestLeaks:
    @pytest.fixture(autouse=True)
    def quick(self):
        """
        Look through what is new only.
        """
        with frozen_heap():
            yield

    @planted("leaks")
    def test_found(self, program):
        """
        What a run leaves behind is found, by its kind.
        """
        assert program.KIND in corpus.left_by(program.broken)

    @planted("leaks")
    def test_mended(self, program):
        """
        Who cleans up is not reported.
        """
        assert set() == corpus.left_by(program.mended)

    def test_kinds(self):
        """
        Each kind of leak is planted.
        """
        assert {each.value for each in Kind} == {corpus.load("leaks", name).KIND for name in corpus.names("leaks")}


class TestStuck:
    @planted("stuck")
    def test_found(self, program):
        """
        Tasks that nothing can wake are suspected, all of them and no others, and so are cycles of locks.
        """
        assert corpus.is_found_stuck(program)

    @planted("stuck")
    def test_mended(self, program):
        """
        Tasks that something will wake are not.
        """
        found = corpus.suspected(program.mended)

        assert (0, ()) == (len(found), found.cycles)


class TestTables:
    def test_counts(self):
        """
        The documentation counts the programs that there are, and says that all were found and no twin was reported.

        That it is so is what the other tests here show.
        """
        sums = [line for line in table.documented().splitlines() if line.startswith("| all ")]
        races, everywhere, leaks, stuck = (len(corpus.names(folder)) for folder in corpus.FOLDERS)

        assert [[races, races, races, 0], [everywhere, everywhere, 0], [leaks + stuck] * 2 + [0]] == [
            [int(cells[1]), *map(int, cells[-number:])]
            for cells, number in zip([line.strip("| ").split(" | ") for line in sums], (3, 2, 2), strict=True)
        ]
        assert races + everywhere + leaks + stuck >= 180
