"""
What `conftest.py` promises to every test holds.
"""

import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import trio

HERE = Path(__file__).parent

HANGING = """
import pytest
import trio


@pytest.mark.real
@pytest.mark.timeout(0.2)
async def test_hangs():
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.sleep_forever, name="the sleeper")


@pytest.mark.real
@pytest.mark.timeout(0.2)
async def test_is_stuck():
    with trio.CancelScope(shield=True):
        await trio.sleep_forever()


async def test_is_innocent():
    pass
"""


@pytest.fixture
def suite(tmp_path):
    """
    Run pytest on a file of hanging tests, with our settings, and return what it printed.
    """
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_hanging.py").write_text(HANGING)
    shutil.copy(HERE / "conftest.py", tmp_path / "tests")
    shutil.copy(HERE.parent / "pyproject.toml", tmp_path)

    def run(*args):
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *args]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False).stdout

    return run


class TestTime:
    async def test_is_virtual(self):
        """
        An async test may sleep for a day, and nobody waits.
        """
        before = time.monotonic()
        await trio.sleep(86_400)

        assert time.monotonic() - before < 10

    @pytest.mark.real
    async def test_is_real(self):
        """
        A test marked `real` runs on the clock on the wall.
        """
        assert isinstance(trio.lowlevel.current_clock(), trio._core._run.SystemClock)


class TestChance:
    @staticmethod
    async def order():
        """
        In which order eight tasks that are ready together run.
        """
        seen = []

        async def note(number):
            seen.append(number)

        async with trio.open_nursery() as nursery:
            for number in range(8):
                nursery.start_soon(note, number)
        return seen

    async def test_is_replayable(self):
        """
        The same seed gives the same schedule, and another seed another one.
        """
        schedules = []
        for seed in (1, 1, *range(2, 10)):
            trio._core._run._r.seed(seed)
            schedules.append(await self.order())

        assert schedules[0] == schedules[1]
        assert len({tuple(schedule) for schedule in schedules}) > 2


@pytest.mark.real
class TestHang:
    def test_is_cancelled(self, suite):
        """
        A test that hangs fails with the stacks of its tasks, and the others go on.
        """
        printed = suite("-k", "hangs or innocent")

        assert "The test took too long and was ended." in printed
        assert "the sleeper:" in printed
        assert "_test_runner_factory._bootstrap" in printed
        assert "1 failed, 1 passed, 1 deselected" in printed

    def test_ends_the_run(self, suite):
        """
        A test that does not even heed a cancel is shown, and ends the run.
        """
        printed = suite("-k", "stuck")

        assert " test_is_stuck" in printed
        assert "A test hung and could not be cancelled." in printed
