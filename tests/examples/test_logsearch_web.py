"""
Answers over HTTP, and the service as a whole.
"""

import contextlib
import functools
import socket

import httpx
import pytest
import trio
import trio.testing

import trio_run as tr
from examples.logsearch import app
from examples.logsearch.database import Database
from examples.logsearch.web import Counter, Port, PortTrouble
from trio_run.leaks import Ignore, Kind

pytestmark = pytest.mark.leak_ignore(Ignore(kind=Kind.CHANNEL))  # An inbox goes with the life of its stage.


class Running:
    """
    The service as it runs in a test.
    """

    def __init__(self, folder, client, supervisor):
        self.folder, self.client, self.supervisor = folder, client, supervisor

    async def get(self, path, **params):
        """
        The status and content of an answer.
        """
        response = await self.client.get(path, params=params)
        return response.status_code, response.json()

    async def wait_for(self, lines):
        """
        Wait until so many lines are there and all is well, and return the health.
        """
        while True:
            status, health = await self.get("/healthz")
            if status == 200 and sum(health["lines"].values()) == lines:
                return health

    async def strike(self, name):
        """
        Make a child fail, as soon as it can be.
        """
        while (await self.client.post(f"/fault/{name}")).status_code != 202:
            pass

    def lives(self, path):
        """
        How many lives a child has had.
        """
        [index, web] = [child.runner for child in self.supervisor.children]
        return {child.name: child.life for child in (*index.statistics(), *web.statistics())}[path]


def free_port():
    """
    A port that nobody listens on.
    """
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


@contextlib.asynccontextmanager
async def running(tmp_path, *options):
    """
    Run the service over a folder with one log.
    """
    folder, port = tmp_path / "logs", free_port()
    folder.mkdir(exist_ok=True)
    (folder / "a.log").write_text("INFO fine n1\nERROR broken n2\nWARNING odd n3\nINFO fine n4\n")
    supervisor = app([str(folder), "--db", str(tmp_path / "logs.db"), "--port", str(port), *options])
    # A connection for each request: one that is kept may be closed by a server that is restarted.
    limits = httpx.Limits(max_keepalive_connections=0)
    async with trio.open_nursery() as nursery:
        await nursery.start(supervisor.run)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", limits=limits, timeout=15) as client:
            yield Running(folder, client, supervisor)
            supervisor.request_stop("the test is over")


@pytest.mark.real
class TestSearch:
    async def test_three_indexes(self, tmp_path):
        """
        A search tells for each index what is in it, newest first, with no more hits than asked for.
        """
        async with running(tmp_path) as service:
            await service.wait_for(4)
            status, answer = await service.get("/search", q="n*", limit="1")

        assert 200 == status
        assert {"errors": 1, "warnings": 1, "rest": 2} == {
            index: answer[index]["total"] for index in ("errors", "warnings", "rest")
        }
        assert [{"file": "a.log", "at": 44, "time": None, "line": "INFO fine n4"}] == answer["rest"]["hits"]
        assert "n*" == answer["query"]

    @pytest.mark.parametrize(
        ("params", "error"),
        [
            ({}, "Say what to search for"),
            ({"q": "  "}, "Say what to search for"),
            ({"q": '"open'}, "cannot be searched for: unterminated string"),
            ({"q": "a", "limit": "-1"}, "limit='-1' is not a whole number from 0 to 1000."),
            ({"q": "a", "limit": "1001"}, "limit='1001' is not a whole number"),
            ({"q": "a", "limit": "²"}, "limit='²' is not a whole number"),
        ],
    )
    async def test_bad_request(self, tmp_path, params, error):
        """
        What cannot be searched for is refused, with the reason.
        """
        async with running(tmp_path) as service:
            status, answer = await service.get("/search", **params)

        assert 400 == status
        assert error in answer["error"]

    async def test_while_the_store_is_down(self, tmp_path, monkeypatch):
        """
        What is committed is found although the store is down, and the health says that it is.
        """
        may_open, open_database = trio.Event(), Database.open

        def open_late(path):
            trio.from_thread.run(may_open.wait)
            return open_database(path)

        async with running(tmp_path, "--faults") as service:
            await service.wait_for(4)

            monkeypatch.setattr(Database, "open", open_late)
            await service.strike("store")
            while (await service.get("/healthz"))[0] != 503:
                pass
            health, found = await service.get("/healthz"), await service.get("/search", q="n2")
            may_open.set()
            await service.wait_for(4)

        assert (503, "the store is down") == (health[0], health[1]["status"])
        assert (200, 1) == (found[0], found[1]["errors"]["total"])


@pytest.mark.real
class TestHealth:
    async def test_well(self, tmp_path):
        """
        The health tells how many files and lines there are, and how far behind it is.
        """
        async with running(tmp_path) as service:
            health = await service.wait_for(4)

        assert {
            "status": "ok",
            "files": 1,
            "lines": {"errors": 1, "warnings": 1, "rest": 2},
            "followed": 1,
            "lag_bytes": 0,
            "unreadable": {},
        } == health

    async def test_lag(self, tmp_path):
        """
        What is not written down yet, as a line without an end, counts as lag.
        """
        async with running(tmp_path) as service:
            await service.wait_for(4)
            with (service.folder / "a.log").open("a") as file:
                file.write("half")
            while (await service.get("/healthz"))[1]["lag_bytes"] != 4:
                pass


@pytest.mark.real
class TestFault:
    @pytest.mark.parametrize("name", ["store", "parse", "watch", "http"])
    async def test_restarted(self, tmp_path, name):
        """
        A child that is made to fail comes back, and all goes on.
        """
        async with running(tmp_path, "--faults") as service:
            await service.wait_for(4)
            await service.strike(name)
            while service.lives(name) < 2:
                await trio.lowlevel.checkpoint()
            with (service.folder / "a.log").open("a") as file:
                file.write("INFO more n5\n")
            await service.wait_for(5)

    async def test_follower(self, tmp_path):
        """
        A follower can be made to fail by the name of its file.
        """
        async with running(tmp_path, "--faults") as service:
            await service.strike("a.log")
            await service.wait_for(4)

    async def test_unknown(self, tmp_path):
        """
        A child that is not there cannot fail, and the answer names those that can.
        """
        async with running(tmp_path, "--faults") as service:
            await service.wait_for(4)
            response = await service.client.post("/fault/nobody")

        assert 404 == response.status_code
        assert {
            "error": "Nobody called 'nobody' is up. There are: a.log, http, parse, store, watch."
        } == response.json()

    async def test_not_offered(self, tmp_path):
        """
        Without --faults nothing can be made to fail.
        """
        async with running(tmp_path) as service:
            response = await service.client.post("/fault/store")

        assert 404 == response.status_code

    async def test_requests_in_hand(self, tmp_path):
        """
        A server that fails again and again under load answers each request.
        """
        answers = []
        async with running(tmp_path, "--faults") as service:
            await service.wait_for(4)

            async def ask():
                for _ in range(25):
                    _status, answer = await service.get("/search", q="n2")
                    answers.append(answer["errors"]["total"])

            async with trio.open_nursery() as nursery:
                for _ in range(3):
                    nursery.start_soon(ask)
                for life in (1, 2, 3):
                    await service.strike("http")
                    while service.lives("http") == life:
                        await trio.lowlevel.checkpoint()

        assert [1] * 75 == answers


class TestCounter:
    async def test_wait_idle(self):
        """
        It is idle when no request is in hand, and lifespan is no request.
        """
        go, steps = trio.Event(), []

        async def slow(scope, receive, send):
            await go.wait()
            steps.append("answered")

        counter = Counter(slow)
        async with trio.open_nursery() as nursery:
            await counter.wait_idle()
            nursery.start_soon(functools.partial(counter, {"type": "lifespan"}, None, None))
            await trio.testing.wait_all_tasks_blocked()
            await counter.wait_idle()
            nursery.start_soon(functools.partial(counter, {"type": "http"}, None, None))
            await trio.testing.wait_all_tasks_blocked()
            go.set()
            await counter.wait_idle()

        assert ["answered", "answered"] == steps


@pytest.mark.real
class TestPort:
    async def test_in_use(self):
        """
        A port that somebody else listens on is named, with the way out.
        """
        with socket.create_server(("127.0.0.1", 0)) as other:
            number = other.getsockname()[1]
            with pytest.raises(PortTrouble) as caught:
                await Port("127.0.0.1", number).run(task_status=trio.TASK_STATUS_IGNORED)

        assert (
            f"Port {number} of 127.0.0.1 is in use. Stop who uses it, or choose another --port; 0 takes one that is free."
            == str(caught.value)
        )

    async def test_no_such_address(self):
        """
        An address that is not of this machine is named too.
        """
        with pytest.raises(PortTrouble, match=r"Port 0 of 203.0.113.1 cannot be listened on: .*--host\."):
            await Port("203.0.113.1", 0).run(task_status=trio.TASK_STATUS_IGNORED)


class TestApp:
    def test_tree(self, tmp_path):
        """
        The service is a tree that can be looked at without running it.
        """
        supervisor = app([str(tmp_path), "--db", str(tmp_path / "logs.db")])

        assert {"index": ["store", "parse", "watch"], "web": ["port", "http"]} == {
            child.name: [below.name for below in child.runner.children] for child in supervisor.children
        }

    @pytest.mark.parametrize(
        ("folder", "database", "error", "text"),
        [
            ("nowhere", "logs.db", FileNotFoundError, "There is no folder .*nowhere"),
            ("file", "logs.db", NotADirectoryError, "file is not a folder"),
            (".", "nowhere/logs.db", FileNotFoundError, "There is no folder .*nowhere for the database"),
            (".", "db.log", ValueError, "would be taken for one of the logs"),
        ],
    )
    def test_refused(self, tmp_path, folder, database, error, text):
        """
        What cannot work is refused before anything starts.
        """
        (tmp_path / "file").touch()
        with pytest.raises(error, match=text):
            app([str(tmp_path / folder), "--db", str(tmp_path / database)])

    @pytest.mark.parametrize("port", ["x", "-1", "65536"])
    def test_usage(self, tmp_path, port, capsys):
        """
        Arguments that are wrong are a matter of usage.
        """
        with pytest.raises(SystemExit) as caught:
            app([str(tmp_path), "--db", str(tmp_path / "logs.db"), f"--port={port}"])

        assert 2 == caught.value.code
        assert "argument --port" in capsys.readouterr().err

    @pytest.mark.real
    async def test_failed_start(self, tmp_path):
        """
        A database that cannot be opened keeps the service from starting, and is the cause that is given.
        """
        (tmp_path / "logs.db").write_text("Dear diary" * 100)
        with pytest.raises(tr.StartFailed, match="is not a database"):
            await app([str(tmp_path), "--db", str(tmp_path / "logs.db"), "--port", "0"]).run()
