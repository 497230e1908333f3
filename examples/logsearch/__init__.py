"""
A search engine for logs: follows a folder of them, and answers over HTTP what is in them.

    trio-run run examples.logsearch:app -- /var/log --db /tmp/logs.db --port 8080

The tree::

    logsearch            one_for_one
    ├─ index             rest_for_one: who stands below sends to who stands above
    │  ├─ store          owns the database; commits lines together with how far they get in their file
    │  ├─ parse          understands lines
    │  └─ watch          looks through the folder
    │     └─ files       a follower for each log
    └─ web               rest_for_one
       ├─ port           holds the listening socket
       └─ http           answers from the database, whether or not the index is up

No line is lost and none is there twice, wherever anything fails or stops: see `database` and `lines` for why.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import trio_run as tr

from .database import Readers, check_sqlite
from .faults import Faults
from .follow import Pace
from .parse import Parse
from .store import Store
from .watch import FORGIVING, QUICK, Watch
from .web import Http, Port, Site


def app(args: list[str]) -> tr.Supervisor:
    """
    Return the service that the command line *args* ask for.

    Raises:
        DatabaseTrouble: SQLite lacks something.
        OSError: There is no such folder.
        SystemExit: The arguments are wrong, or ask for help.
        ValueError: The database would be one of the logs.
    """
    check_sqlite()
    options = _parser().parse_args(args)
    folder, path = _checked(options.folder, options.db)
    faults = Faults()
    store = Store(path, faults)
    parse = Parse(store, faults)
    watch = Watch(folder, parse, path, Pace(), faults)
    port = Port(options.host, options.port)
    index = _supervisor(
        "index", tr.Child(store, name="store"), tr.Child(parse, name="parse"), tr.Child(watch, name="watch")
    )

    def is_store_up() -> bool:
        return any(child.name == "store" and child.phase == "up" for child in index.statistics())

    def make_site(pool: tr.Pool, readers: Readers) -> Site:
        return Site(pool, readers, watch, is_store_up, faults if options.faults else None)

    web = _supervisor("web", tr.Child(port, name="port"), tr.Child(Http(port, path, make_site, faults), name="http"))
    return tr.Supervisor("logsearch", index, web, backoff=QUICK, budget=FORGIVING)


def _supervisor(name: str, *children: tr.Child) -> tr.Supervisor:
    return tr.Supervisor(name, *children, strategy=tr.Strategy.REST_FOR_ONE, backoff=QUICK, budget=FORGIVING)


def _checked(folder: Path, path: Path) -> tuple[Path, Path]:
    """
    Return where the logs and the database are, or raise because that cannot be.
    """
    if not folder.exists():
        raise FileNotFoundError(f"There is no folder {folder}. Name one that has *.log files in it.")
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder} is not a folder. Name one that has *.log files in it.")
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f"There is no folder {path.parent} for the database {path}. Make it, or use another --db."
        )
    if path.suffix == ".log" and path.parent.resolve() == folder.resolve():
        raise ValueError(f"The database {path} would be taken for one of the logs. Call it something else with --db.")
    return folder.absolute(), path.absolute()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="trio-run run examples.logsearch:app --",
        description="Follow the *.log files of a folder, and search them: "
        "GET /search?q=WORDS&limit=HITS, GET /healthz. New files and rotation are noticed; subfolders are not followed.",
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="the folder with the logs")
    parser.add_argument("--db", type=Path, required=True, metavar="FILE", help="the database; made if it is not there")
    parser.add_argument(
        "--port", type=_port, default=8080, metavar="N", help="where to answer (8080); 0 takes a free one"
    )
    parser.add_argument("--host", default="127.0.0.1", metavar="ADDRESS", help="on which address to answer (127.0.0.1)")
    parser.add_argument(
        "--faults",
        action="store_true",
        help="offer POST /fault/NAME, which makes store, parse, watch, http or a file fail",
    )
    return parser


def _port(text: str) -> int:
    number = int(text)
    if not 0 <= number <= 65535:
        raise argparse.ArgumentTypeError(f"{number} is not a port: they go from 0 to 65535")
    return number
