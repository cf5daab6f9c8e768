"""Run a command many times, and stop it by a signal at a different step of its load each time.

    python -m tests.support.stopping SIGINT:0,SIGTERM:sql load -q

A step is a number, counted from 0, or ``sql``: in the middle of a long statement. An embedded database is
recreated each time. Prints one JSON object per line: the signal, its place, the titles of the steps, the exit
code, and stderr.

One process that has imported everything forks the others, because the imports take longer than the load.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sparkify.cli import main
from sparkify.etl.session import Session

LONG = {
    "duckdb": "SELECT sum(hash(i)) FROM range(100000000000) t(i)",
    # Short, because the server does not end it earlier, and the next load waits for that.
    "redshift": "SELECT pg_sleep(2)",
}
"""Statements that still run when the signal arrives after 0.3 seconds."""


def stopped(number: int, at: str, arguments: list[str]) -> dict[str, Any]:
    """Run the command in its own process and stop it. Returns the outcome."""
    with tempfile.TemporaryFile("w+") as titles, tempfile.TemporaryFile("w+") as errors:
        child = os.fork()
        if child == 0:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            os.dup2(errors.fileno(), 2)
            sys.argv = ["sparkify-etl", *arguments]
            # Python leaves SIGINT ignored if the shell ignored it.
            signal.signal(signal.SIGINT, signal.default_int_handler)
            send(number, at, titles)
            code = 99
            try:
                main()
            except SystemExit as exc:
                code = int(exc.code or 0)
            finally:
                sys.stderr.flush()
                os._exit(code)
        _, status = os.waitpid(child, 0)
        titles.seek(0)
        errors.seek(0)
        return {
            "signal": signal.Signals(number).name,
            "at": at,
            "steps": titles.read().splitlines(),
            "code": os.waitstatus_to_exitcode(status),
            "err": errors.read(),
        }


def send(number: int, at: str, titles: Any) -> None:
    """Make this process send itself the signal when its load is at a step."""
    step = Session.step
    seen = iter(range(1_000))

    @contextmanager
    def stopping(self: Session, title: str) -> Iterator[None]:
        current = next(seen)
        with step(self, title):
            titles.write(f"{title}\n")
            titles.flush()
            if str(current) == at:
                os.kill(os.getpid(), number)
            if at == "sql" and title.startswith("plays"):
                threading.Timer(0.3, os.kill, (os.getpid(), number)).start()
                self.run(LONG[self._adapter.name])  # type: ignore[attr-defined]
            yield

    Session.step = stopping  # type: ignore[method-assign]


def run(stops: str, arguments: list[str]) -> None:
    for stop in stops.split(","):
        name, _, at = stop.partition(":")
        for left in Path().glob("sparkify.duckdb*"):
            left.unlink()
        print(json.dumps(stopped(signal.Signals[name], at, arguments)), flush=True)


if __name__ == "__main__":
    run(sys.argv[1], sys.argv[2:])
