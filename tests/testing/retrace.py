"""
Replays the tokens of planted races with each engine, and prints what happened: run by a test, with a hash seed of its own.
"""

import json
import sys

from tests.testing.test_explore import ENGINES, RACES, load, settings
from trio_run.testing._explore_choosers import Told
from trio_run.testing._explore_run import Rules, run_once
from trio_run.testing._explore_token import Token


def retrace(path, text, engine):
    """
    The token and the steps of a run.
    """
    race, token = load(path), Token.read(text)
    rules = Rules(token.model, token.slack, settings(race)["max_steps"], engine)
    run = run_once(race.broken, Told(token.choices), rules, [])
    return str(run.token), [*map(str, run.steps)]


def main():
    tokens = json.load(sys.stdin)
    traces = {
        engine.__name__: {path.stem: retrace(path, tokens[path.stem], engine) for path in RACES if path.stem in tokens}
        for engine in ENGINES
    }
    json.dump(traces, sys.stdout)


if __name__ == "__main__":
    main()
