"""
``trio-run run`` as a user meets it: in a process of its own.
"""

import json
import re
import signal
import socket
import sqlite3
import subprocess
import sys

import pytest

from tests.cli.program import HEAD, Program, environment

pytestmark = pytest.mark.real

TERM, INT = signal.SIGTERM, signal.SIGINT


@pytest.fixture
def start(tmp_path):
    """
    Start the command on a module ``shop``, made of some lines.
    """
    programs = []

    def start_it(text, *args, terminal=False):
        (tmp_path / "shop.py").write_text(HEAD + text)
        programs.append(Program(tmp_path, "run", *args, terminal=terminal))
        return programs[-1]

    yield start_it
    for program in programs:
        program.close()


@pytest.fixture
def run(tmp_path):
    """
    Run the command on a module ``shop`` to its end.
    """

    def run_it(text, *args, **env):
        (tmp_path / "shop.py").write_text(HEAD + text)
        return subprocess.run(
            [sys.executable, "-m", "trio_run", *args],
            cwd=tmp_path,
            env=environment(**env),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    return run_it


def said(result):
    """
    What the command itself says in the end.
    """
    return [line for line in result.stderr.splitlines() if line.startswith("trio-run")]


class TestDump:
    @pytest.mark.parametrize("runner", ["steady", "hog"])
    def test_on_a_signal(self, start, runner):
        """
        SIGUSR1 shows where each thread and task stands, though one of them hogs the loop, and the run goes on.
        """
        program = start(
            "app = tr.Supervisor('app', tr.Child(steady), tr.Child(hog))" if runner == "hog" else SHOP, "shop:app"
        )
        program.wait_for("hogging" if runner == "hog" else "ready")
        steady = ""
        while not steady.endswith("app/steady#1: waits for sleep_forever"):  # It may still be about to.
            program.send(signal.SIGUSR1)
            program.wait_for("Current thread")
            program.wait_for(" tasks at ")
            steady = program.wait_for("app/steady#1")
            place = program.wait_for("shop.py:")

        assert place.endswith(" steady")
        assert runner != "hog" or program.wait_for("app/hog#1").endswith("running")


SHOP = "app = tr.Supervisor('app', tr.Child(steady))"


class TestExitCode:
    def test_done(self, run):
        """
        A function that returns is a success, and has had its arguments.
        """
        result = run("async def main(*args): print(args)", "run", "shop:main", "--", "a", "--log", "--")

        assert (0, "('a', '--log', '--')\n") == (result.returncode, result.stdout)

    def test_failed(self, run):
        """
        A function that raises has failed.
        """
        result = run("async def main(): raise OSError('no disk')", "run", "shop:main", "--log", "console")

        assert (1, ["trio-run: main: OSError: no disk"]) == (result.returncode, said(result))
        assert "Traceback" not in result.stderr

    @pytest.mark.parametrize(
        ("raised", "code", "lines"),
        [("7", 7, []), ("None", 0, []), ("'no disk'", 1, ["trio-run: no disk"])],
    )
    def test_system_exit(self, run, raised, code, lines):
        """
        SystemExit in a child gives its code, or its text and a failure.
        """
        text = f"async def leave(): raise SystemExit({raised})\nshop = tr.Supervisor('shop', steady, leave)"
        result = run(text, "run", "shop:shop", "--log", "console")

        assert (code, lines) == (result.returncode, said(result))
        assert "Traceback" not in result.stderr

    def test_keyboard_interrupt(self, run):
        """
        KeyboardInterrupt in a child is death by SIGINT.
        """
        text = "async def leave(): raise KeyboardInterrupt\nshop = tr.Supervisor('shop', steady, leave)"

        assert -INT == run(text, "run", "shop:shop").returncode

    @pytest.mark.parametrize("signum", [TERM, INT])
    def test_signal(self, start, signum):
        """
        After a clean stop by a signal the process dies of it, once all else has had its end.
        """
        program = start(
            "import atexit\natexit.register(print, 'last words')\nshop = tr.Supervisor('shop', steady)", "shop:shop"
        )
        program.wait_for("run.ready")
        program.send(signum)

        assert -signum == program.end()
        assert "last words" == program.lines[-2]
        assert 128 + signum == program.events[-1]["code"]

    def test_failed_while_stopping(self, start):
        """
        A child that raises while it is stopped makes a failure of the stop.
        """
        program = start(
            "async def clumsy():\n    await tr.wait_stopping()\n    raise OSError('disk full')\n"
            "shop = tr.Supervisor('shop', clumsy)",
            "shop:shop",
        )
        program.wait_for("run.ready")
        program.send(TERM)

        assert 1 == program.end()
        assert ["run.failed", "run.stopped"] == [event["event"] for event in program.events[-2:]]

    @pytest.mark.parametrize("text", ["shop = 1", "1 +"])
    def test_usage(self, run, text):
        """
        What cannot be run is wrong usage, in one line.
        """
        result = run(text, "run", "shop:shop")

        assert (2, "", 1) == (result.returncode, result.stdout, len(result.stderr.splitlines()))

    def test_interrupted_while_importing(self, start):
        """
        SIGINT during an import is death by SIGINT, without a traceback.
        """
        program = start("print('importing', flush=True)\ntime.sleep(1000)", "shop:shop")
        program.wait_for("importing")
        program.send(INT)

        assert (-INT, "importing\n") == (program.end(), program.text)


class TestArguments:
    @pytest.mark.parametrize(
        ("args", "line"),
        [
            (["shopp:app"], "trio-run: There is no module shopp in .* or among what is installed. Did you mean shop?"),
            (["shop:ap"], "trio-run: There is no ap in shop. Did you mean app?"),
            (["shop:number"], "trio-run: shop:number cannot run: 1 cannot run. A runner is .*"),
            (["shop"], "trio-run: 'shop' is not of the form MODULE:ATTR, as in shop:app."),
            (
                ["shop:app", "x"],
                "trio-run: error: unrecognized arguments: x. What is meant for shop:app stands after --, .*",
            ),
            (["shop:app", "--grace", "-1"], "trio-run run: error: argument --grace: invalid .* value: '-1'"),
        ],
    )
    def test_mistakes(self, run, args, line):
        """
        Each mistake is one clear line, without a traceback, and the code is 2.
        """
        result = run("number = 1\ndef app(args): return tr.Supervisor('shop', steady)", "run", *args)

        assert 2 == result.returncode
        assert re.fullmatch(line.replace("?", "\\?"), said(result)[-1])
        assert "Traceback" not in result.stderr

    def test_a_module_that_is_needed(self, run):
        """
        A module that the user's module needs is told from the user's module.
        """
        result = run("import nowhere_to_be_found", "run", "shop:app")
        line = len(HEAD.splitlines()) + 1

        assert [
            f"trio-run: shop needs the module nowhere_to_be_found, which is not installed (shop.py:{line})."
        ] == said(result)

    def test_traceback_of_a_mistake(self, run):
        """
        With --traceback it is shown where the user's module raised.
        """
        result = run("x = {}['y']", "run", "shop:app", "--traceback")

        assert "Traceback" in result.stderr
        assert 2 == result.returncode

    def test_no_command(self, run):
        """
        Without a command there is help on what is missing.
        """
        result = run("")

        assert (2, ["trio-run: error: the following arguments are required: COMMAND"]) == (
            result.returncode,
            said(result),
        )

    @pytest.mark.parametrize("args", [["--version"], ["run", "--version"]])
    def test_version(self, run, args):
        """
        The version is that of trio_run, trio and Python.
        """
        result = run("", *args)

        assert 0 == result.returncode
        assert re.fullmatch(r"trio-run \S.*, trio \S+, Python \S+\n", result.stdout)

    def test_help(self, run):
        """
        Help tells of signals and exit codes.
        """
        result = run("", "run", "--help")

        assert 0 == result.returncode
        assert "SIGTERM" in result.stdout


FACTORY = """
import argparse
def app(args):
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parsed = parser.parse_args(args)
    if parsed.port < 0:
        raise ValueError("a port is at least 0")
    if parsed.port == 13:
        raise KeyError("unlucky")
    return tr.Supervisor("shop", tr.Child(steady, name=f"port-{parsed.port}"))
"""


class TestFactory:
    def test_arguments(self, run):
        """
        A factory makes the supervisor from its arguments.
        """
        assert "└─ port-80" in run(FACTORY, "run", "shop:app", "--check", "--", "80").stdout

    def test_usage(self, run):
        """
        Where its own argparse finds a mistake, that is told as of this command line.
        """
        result = run(FACTORY, "run", "shop:app", "--", "x")

        assert 2 == result.returncode
        assert "trio-run run shop:app --: error: argument port: invalid int value: 'x'" == said(result)[-1]

    def test_help(self, run):
        """
        Its help can be asked for.
        """
        result = run(FACTORY, "run", "shop:app", "--", "--help")

        assert 0 == result.returncode
        assert result.stdout.startswith("usage: trio-run run shop:app -- [-h] port")

    @pytest.mark.parametrize(("args", "code"), [([], 1), (["--check"], 2)])
    def test_refuses(self, run, args, code):
        """
        An error that a factory raises on purpose is one line.
        """
        result = run(FACTORY, "run", "shop:app", *args, "--", "-1")

        assert code == result.returncode
        assert "trio-run: shop:app: ValueError: a port is at least 0\n" == result.stderr

    def test_is_broken(self, run):
        """
        A mistake in a factory is shown with its place.
        """
        result = run(FACTORY, "run", "shop:app", "--", "13")

        assert (1, ["trio-run: shop:app: KeyError: 'unlucky'"]) == (result.returncode, said(result))
        assert 'raise KeyError("unlucky")' in result.stderr


class TestCheck:
    def test_tree(self, run):
        """
        The tree is printed, and nothing runs.
        """
        text = (
            "async def boom(): print('running')\n"
            "shop = tr.Supervisor('shop', boom, tr.Supervisor('workers', steady), strategy='rest_for_one')"
        )
        result = run(text, "run", "--check", "shop:shop")

        assert (
            "shop          rest_for_one  budget 10 in 60 s  backoff 0.1 to 30 s\n"
            "├─ boom       always        grace 5 s\n"
            "└─ workers    one_for_one   budget 10 in 60 s  backoff 0.1 to 30 s\n"
            "   └─ steady  always        grace 5 s\n"
        ) == result.stdout
        assert (0, "") == (result.returncode, result.stderr)

    def test_partitions(self, run):
        """
        Partitions run by themselves too, and are drawn by their name.
        """
        result = run("carts = tr.Partitions('carts', lambda _: steady, count=1)", "run", "--check", "shop:carts")

        assert (
            "carts  one_for_one  budget 10 in 60 s  backoff 0.1 to 30 s\n└─ 0   always       grace 5 s\n"
        ) == result.stdout

    def test_ascii(self, run):
        """
        Where only ASCII can be written, the tree is made of that.
        """
        result = run("shop = tr.Supervisor('shop', steady)", "run", "--check", "shop:shop", PYTHONIOENCODING="ascii")

        assert "`- steady" in result.stdout

    def test_a_function(self, run):
        """
        Of a function only the name is known.
        """
        result = run("async def main(): ...", "run", "--check", "shop:main")

        assert "main  a runner, which says what it starts when it runs\n" == result.stdout

    def test_cannot(self, run):
        """
        What cannot be built is one line and the code 2.
        """
        result = run("", "run", "--check", "shop:shop")

        assert (2, ["trio-run: There is no shop in shop. What can run there: drain, hog, steady."]) == (
            result.returncode,
            said(result),
        )


PORT = """
async def serve(port, *, task_status):
    await trio.open_tcp_listeners(int(port), host="127.0.0.1")
def app(args): return tr.Supervisor("shop", steady, tr.Supervisor("web", tr.Child(serve, *args, name="http")))
"""

LOCKED = """
async def store(path, *, task_status):
    sqlite3.connect(path, timeout=0).execute("BEGIN IMMEDIATE")
def app(args): return tr.Supervisor("shop", tr.Child(store, *args))
"""

MISSING = """
async def follow(folder, *, task_status):
    async with trio.open_nursery():
        os.listdir(folder)
def app(args): return tr.Supervisor("shop", tr.Child(follow, *args))
"""


@pytest.fixture
def port():
    """
    A port that is in use.
    """
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield str(server.getsockname()[1])


@pytest.fixture
def database(tmp_path):
    """
    A database that is locked.
    """
    holder = sqlite3.connect(tmp_path / "shop.db", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    yield "shop.db"
    holder.close()


class TestStartFails:
    """
    What keeps a service from starting is told in a line.
    """

    @pytest.fixture(params=["port", "database", "folder"])
    def case(self, request, port, database):
        """
        A program that does not start, its argument, and what is to be said.
        """
        return {
            "port": (
                PORT,
                port,
                r"trio-run: shop/web/http did not start: OSError: \[Errno \d+\] .*[Aa]ddress .*in use",
            ),
            "database": (LOCKED, database, "trio-run: shop/store did not start: OperationalError: database is locked"),
            "folder": (
                MISSING,
                "gone",
                r"trio-run: shop/follow did not start: FileNotFoundError: \[Errno 2\] .*: 'gone'",
            ),
        }[request.param]

    def test_for_people(self, run, case):
        """
        Who, what and why stand in one line, with code 1 and without a traceback.
        """
        text, arg, line = case
        result = run(text, "run", "shop:app", "--log", "console", "--", arg)

        assert 1 == result.returncode
        assert 1 == len(said(result))
        assert re.fullmatch(line, said(result)[0])
        assert "Traceback" not in result.stderr

    def test_with_a_traceback(self, run, case):
        """
        The traceback is there for the asking, once.
        """
        text, arg, _line = case
        result = run(text, "run", "shop:app", "--log", "console", "--traceback", "--", arg)

        assert 1 == len(re.findall(r"Traceback \(most recent call last\)", result.stderr.split("+-+-")[0]))
        assert 1 == result.returncode

    def test_for_machines(self, run, case):
        """
        In JSON the last event but one says so, and each line is JSON.
        """
        text, arg, _line = case
        result = run(text, "run", "shop:app", "--", arg)
        events = [json.loads(line) for line in result.stderr.splitlines()]

        assert ["run.failed", "run.stopped"] == [event["event"] for event in events[-2:]]
        assert " did not start: " in events[-2]["error"]
        assert 1 == len([event for event in events if "exception" in event])


class TestLog:
    def test_json(self, start):
        """
        Without a terminal each line is a JSON object, with a time, a level and what the event has.
        """
        program = start("shop = tr.Supervisor('shop', steady)", "shop:shop")
        program.wait_for("run.ready")

        assert program.lines == [line for line in program.lines if line.startswith("{")]
        assert ["timestamp", "level", "logger", "event", "path", "life", "seq"] == list(program.events[0])[:7]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", program.events[0]["timestamp"])

    def test_other_loggers(self, run):
        """
        What is logged with structlog or with logging goes the same way.
        """
        text = (
            "async def main():\n    structlog.get_logger('mine').info('a', x=1)\n"
            "    logging.getLogger('theirs').warning('b %s', 2)\n    logging.getLogger('theirs').debug('c')\n"
        )
        events = [json.loads(line) for line in run(text, "run", "shop:main").stderr.splitlines()]

        assert [("mine", "info", "a"), ("theirs", "warning", "b 2")] == [
            (event["logger"], event["level"], event["event"]) for event in events if event["logger"] != "trio_run"
        ]

    def test_level(self, run):
        """
        Less than the level that was asked for is not logged.
        """
        result = run(
            "async def main(): structlog.get_logger().error('x')", "run", "shop:main", "--log-level", "warning"
        )

        assert ["x"] == [json.loads(line)["event"] for line in result.stderr.splitlines()]

    def test_no_locals(self, run):
        """
        The variables of a frame that raised are in no log.
        """
        text = "async def main():\n    secret = 'hunter' + str(1 + 1)\n    raise ValueError\n"
        output = [run(text, "run", "shop:main", "--log", log).stderr for log in ("json", "console")]

        assert ["ValueError" in each for each in output] == [True, True]
        assert ["hunter2" in each for each in output] == [False, False]

    def test_a_crash_of_what_was_running(self, run):
        """
        Where a child that was running broke is shown to people, once.
        """
        text = (
            "async def mailer():\n    raise ValueError('boom')\n"
            "shop = tr.Supervisor('shop', mailer, budget=tr.Budget(restarts=0))"
        )
        result = run(text, "run", "shop:shop", "--log", "console")

        assert 1 == result.stderr.count("Traceback")
        assert ["trio-run: shop gave up on mailer after 0 restarts in 60 s: ValueError: boom"] == said(result)

    @pytest.mark.parametrize(("style", "end", "code"), [("json", "return", 0), ("console", "raise OSError('x')", 1)])
    def test_nobody_reads_it(self, tmp_path, style, end, code):
        """
        A reader of the log who goes away does not take the run along.
        """
        (tmp_path / "shop.py").write_text(
            HEAD + "async def main():\n"
            "    await trio.to_thread.run_sync(sys.stdin.readline)\n"
            "    for _ in range(3):\n"
            "        structlog.get_logger().error('a')\n"
            "        logging.error('b')\n"
            "    print('done', flush=True)\n"
            f"    {end}\n"
        )
        process = subprocess.Popen(
            [sys.executable, "-m", "trio_run", "run", "shop:main", "--log", style],
            cwd=tmp_path,
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        with process:
            process.stderr.readline()
            process.stderr.close()
            output = process.communicate("\n")[0]

        assert (code, "done\n") == (process.returncode, output)

    def test_no_stderr_at_all(self, tmp_path):
        """
        A process without a stderr runs all the same.
        """
        (tmp_path / "shop.py").write_text(HEAD + "async def main(): print('done')")
        result = subprocess.run(
            ["sh", "-c", f"exec {sys.executable} -m trio_run run shop:main 2>&-"],
            cwd=tmp_path,
            env=environment(),
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )

        assert (0, "done\n") == (result.returncode, result.stdout)


class TestTerminal:
    def test_console(self, start):
        """
        On a terminal the log is for people, with colours.
        """
        program = start("shop = tr.Supervisor('shop', steady)", "shop:shop", terminal=True)
        line = program.wait_for("run.ready")

        assert "\x1b[" in line
        assert not line.startswith("{")

    def test_no_color(self, start, monkeypatch):
        """
        Who wants no colours gets none.
        """
        monkeypatch.setenv("NO_COLOR", "1")
        program = start("shop = tr.Supervisor('shop', steady)", "shop:shop", terminal=True)

        assert "\x1b[" not in program.wait_for("run.ready")

    def test_what_a_signal_does(self, start):
        """
        At each signal it is said what the next will do, and who is still alive.
        """
        program = start("shop = tr.Supervisor('shop', steady, drain)", "shop:shop", terminal=True)
        program.wait_for("run.ready")
        program.send(INT)
        first = program.wait_for("stopping…")
        alive = program.wait_for("still alive: ")
        again = program.wait_for("still alive: ")
        program.send(INT)
        second = program.wait_for("cancelling…")

        assert "\rstopping… (again to cancel, a third time to kill)" == first
        assert re.fullmatch(r"still alive: shop/drain up \S+ s; shop/steady up \S+ s", alive)
        assert re.fullmatch(
            r"still alive: shop/drain stopping [2-9]\.\d s, cancelled in \S+ s; shop/steady up \S+ s", again
        )
        assert "\rcancelling… (again to kill)" == second
        assert -INT == program.end()

    def test_third_signal(self, start):
        """
        The third signal ends a process whose loop stands still, and says where it stood.
        """
        program = start("shop = tr.Supervisor('shop', steady, hog)", "shop:shop", terminal=True)
        program.wait_for("hogging")
        program.send(TERM)
        program.wait_for("stopping…")
        program.send(TERM)
        program.wait_for("cancelling…")
        program.send(INT)
        last = program.wait_for("killed")

        assert 128 + INT == program.end()
        assert re.fullmatch(r"trio-run: killed at .*shop\.py:\d+ hog; still alive: shop/hog, shop/steady", last)

    def test_third_signal_while_it_waits(self, start):
        """
        The third signal ends a process that waits for what nobody can cancel.
        """
        program = start(
            "async def deaf():\n    with trio.CancelScope(shield=True):\n        await trio.sleep_forever()\n"
            "shop = tr.Supervisor('shop', steady, deaf)",
            "shop:shop",
            terminal=True,
        )
        program.wait_for("run.ready")
        program.send(TERM)
        program.wait_for("stopping…")
        program.send(TERM)
        program.wait_for("cancelling…")
        program.wait_for("still alive: shop/deaf cancelled")
        program.send(TERM)
        last = program.wait_for("killed")

        assert 128 + TERM == program.end()
        assert "trio-run: killed; still alive: shop/deaf, shop/steady" == last


class TestStop:
    def test_a_function_that_listens(self, start):
        """
        A plain async function can hear that it is to stop, and drain.
        """
        program = start(
            "async def main():\n    await tr.wait_stopping()\n    print('drained', flush=True)", "shop:main"
        )
        program.wait_for("run.ready")
        program.send(TERM)
        program.wait_for("drained")

        assert -TERM == program.end()

    def test_a_function_that_does_not_listen(self, start):
        """
        One that does not listen is cancelled at once.
        """
        program = start(
            "async def main():\n    try:\n        await trio.sleep_forever()\n    finally:\n        print('cancelled', flush=True)",
            "shop:main",
        )
        program.wait_for("run.ready")
        program.send(TERM)
        program.wait_for("cancelled")

        assert -TERM == program.end()

    def test_order(self, start):
        """
        The last started is stopped first.
        """
        program = start(
            "shop = tr.Supervisor('shop', tr.Child(steady, name='a'), tr.Child(steady, name='b'))", "shop:shop"
        )
        program.wait_for("run.ready")
        program.send(TERM)
        program.end()

        assert ["shop/b", "shop/a"] == [event["path"] for event in program.events if event["event"] == "child.stopped"]

    def test_grace(self, start):
        """
        A stop takes at most the grace of the run.
        """
        program = start("shop = tr.Supervisor('shop', tr.Child(drain, grace=1000))", "shop:shop", "--grace", "0.1")
        program.wait_for("run.ready")
        program.send(TERM)

        assert -TERM == program.end()
        assert ["the grace of 0.1 s is over"] == [
            event["reason"] for event in program.events if event["event"] == "run.escalated"
        ]

    def test_second_signal(self, start):
        """
        The second signal shortens the stop, and names who is still alive.
        """
        program = start("shop = tr.Supervisor('shop', tr.Child(drain, grace=1000))", "shop:shop", "--grace", "inf")
        program.wait_for("run.ready")
        program.send(TERM)
        program.wait_for("run.stopping")
        program.send(TERM)

        assert -TERM == program.end()
        alive = next(event["alive"] for event in program.events if event["event"] == "run.escalated")
        assert 1 == len(alive)
        assert alive[0].startswith("shop/drain ")

    def test_two_quick_signals(self, start):
        """
        Two signals without a pause between them are two.
        """
        program = start("shop = tr.Supervisor('shop', tr.Child(drain, grace=1000))", "shop:shop", "--grace", "inf")
        program.wait_for("run.ready")
        program.send(TERM)
        program.send(INT)

        assert program.end() in {-TERM, -INT}  # The kernel delivers what came together in an order of its own.

    def test_still_alive(self, start):
        """
        As long as somebody is alive, a line says so every two seconds.
        """
        program = start("shop = tr.Supervisor('shop', tr.Child(drain, grace=1000))", "shop:shop")
        program.wait_for("run.ready")
        program.send(TERM)
        event = json.loads(program.wait_for("run.waiting"))

        assert "info" == event["level"]
        assert re.match(r"shop/drain stopping [2-9]\.\d s, cancelled in ", event["alive"][0])
