"""
The same jobs in Go, for the record: ``errgroup`` with a limit, and the pool of h12.io/run.

A small program is compiled where there is a `go`, with the modules that it fetches itself; where there is none, or that fails, a
note says so.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import cast

from ._measure import Row

SOURCE = """\
package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"h12.io/run/gopool"
)

var kinds = map[string]func(){
	"no-op":      func() {},
	"checkpoint": runtime.Gosched,
	"work": func() {
		for begin := time.Now(); time.Since(begin) < 100*time.Microsecond; {
		}
	},
	"sleep": func() { time.Sleep(time.Millisecond) },
}

func withErrgroup(job func(), jobs, slots int) {
	var group errgroup.Group
	group.SetLimit(slots)
	for i := 0; i < jobs; i++ {
		group.Go(func() error { job(); return nil })
	}
	_ = group.Wait()
}

// When all are busy this pool waits until one of its goroutines ends, so they must not be idle for long.
func withPool(job func(), jobs, slots int) {
	pool := gopool.NewGoroutinePool(gopool.Max(slots), gopool.IdleTime(time.Millisecond))
	var open sync.WaitGroup
	open.Add(jobs)
	for i := 0; i < jobs; i++ {
		if err := pool.Go(context.Background(), func() { job(); open.Done() }); err != nil {
			panic(err)
		}
	}
	open.Wait()
	_ = pool.Close()
}

func each(run func(func(), int, int), job func(), jobs, slots int) float64 {
	begin := time.Now()
	run(job, jobs, slots)
	return time.Since(begin).Seconds() / float64(jobs) * 1e6
}

func main() {
	job := kinds[os.Args[1]]
	jobs, _ := strconv.Atoi(os.Args[2])
	slots, _ := strconv.Atoi(os.Args[3])
	fmt.Printf(`{"go_errgroup": %g, "go_h12_pool": %g}`, each(withErrgroup, job, jobs, slots), each(withPool, job, jobs, slots))
}
"""
MODULE = "module pool\n\ngo 1.21\n\nrequire golang.org/x/sync v0.10.0\n"
STEPS = (("mod", "tidy"), ("build", "-o", "pool", "."))
SECONDS = 120
"""How long the compiler, and each run, may take."""


def measure(jobs: Mapping[str, int], slots: tuple[int, ...]) -> tuple[list[Row], list[str]]:
    """
    Return rows for as many jobs of each kind, and notes on what could not be measured.
    """
    go = shutil.which("go")
    if go is None:
        return [], ["Go is not installed: no rows for errgroup and h12.io/run."]
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "main.go").write_text(SOURCE, encoding="utf-8")
        (folder / "go.mod").write_text(MODULE, encoding="utf-8")

        def run(*command: str) -> str:
            return subprocess.run(  # noqa: S603 - a program of our own
                command, cwd=folder, capture_output=True, text=True, check=True, timeout=SECONDS
            ).stdout

        try:
            for step in STEPS:
                run(go, *step)
            return _rows(run, str(folder / "pool"), jobs, slots), []
        except subprocess.CalledProcessError as exc:
            said = cast("str", exc.stderr).strip().splitlines() or ["it said nothing"]
            return [], [f"No rows for Go: {exc.cmd[0]} ended with {exc.returncode}: {said[-1]}"]
        except subprocess.TimeoutExpired as exc:
            return [], [f"No rows for Go: {exc.cmd[0]} took more than {exc.timeout:g} seconds."]


def _rows(run: Callable[..., str], program: str, jobs: Mapping[str, int], slots: tuple[int, ...]) -> list[Row]:
    return [
        Row(f"{kind} {width} {name}", microseconds)
        for kind, count in jobs.items()
        for width in slots
        for name, microseconds in json.loads(run(program, kind, str(count), str(width))).items()
    ]
