"""
Searches against real servers: first answer wins, and no search takes longer than its deadline.
"""

import pytest
import trio

import trio_run as tr
from examples import google_search
from examples.google_search import KINDS, Search, search_all

# Hypercorn leaves the channels of a request to the garbage collector.
pytestmark = pytest.mark.leak_ignore("memory channel *")


class TestSearch:
    @pytest.mark.real
    async def test_all_kinds_answer(self):
        """
        With time enough there is one answer of each kind, in the order of kinds, for every query.
        """
        answers = await search_all(["golang", "trio"], 10.0, 0.0)

        assert [tuple(f"{kind} result for {query!r}" for kind in KINDS) for query in ("golang", "trio")] == [
            answer.results for answer in answers
        ]

    @pytest.mark.real
    async def test_deadline(self):
        """
        With no time at all there is no answer, and nothing is left behind.
        """
        (answer,) = await search_all(["golang"], 0.0, 60.0)

        assert () == answer.results


class Client:
    """
    Answers after as many seconds as the address says.
    """

    def __init__(self):
        self.cancelled = 0

    async def get(self, address, params):
        try:
            await trio.sleep(float(address))
        except trio.Cancelled:
            self.cancelled += 1
            raise
        return Response(f"{address} {params['q']}")


class Response:
    def __init__(self, text):
        self.text = text

    def raise_for_status(self):
        """
        All is well.
        """


class TestReplicas:
    async def test_first_answer_wins(self):
        """
        The quickest replica of each kind answers, the others are cancelled, and the slowest kind is left out.
        """
        client = Client()
        async with tr.open_pool(9) as pool:
            engine = Search(client, pool, {"web": ["3", "1", "2"], "image": ["5", "4"], "video": ["60", "70"]}, 10.0)
            answer = await engine.search("q")

        assert (("1 q", "4 q"), 10) == (answer.results, answer.seconds)
        assert 5 == client.cancelled

    @pytest.mark.real
    def test_command(self, monkeypatch, capsys):
        """
        The command prints the answers and how long each search took.
        """
        monkeypatch.setattr("sys.argv", ["google_search", "golang", "--deadline", "10", "--slowest", "0"])
        google_search.main()

        assert ["web", "image", "video"] == [line.split()[0] for line in capsys.readouterr().out.splitlines()[:3]]
