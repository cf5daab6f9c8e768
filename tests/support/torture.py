"""Run all fault suites at full size, one after another, and print the attempts and violations as a table.

    python -m tests.support.torture [--scale 0.1] [--only cuts power-loss]

A suite is either a module that prints one line of JSON, or a set of pytest tests. A module runs once normally,
and once sabotaged as a control, which it must detect; pytest tests contain their controls, if any. The table is
Markdown for docs/reliability.md. Exits with 1 if a suite has found a violation or missed its control.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import duckdb

from tests.support.paths import CLONE


@dataclass(frozen=True)
class Suite:
    """One suite.

    :ivar name: the target in the Makefile.
    :ivar what: what is tried.
    :ivar module: the module that runs it; if empty, ``tests`` has the arguments for pytest.
    :ivar size: the option of the module that sets the size, and its value at full size.
    :ivar tried: the key of the size that was tried, in the module's result.
    """

    name: str
    what: str
    module: str = ""
    size: tuple[str, int] = ("", 0)
    tried: str = ""
    tests: tuple[str, ...] = ()


SUITES = (
    Suite("kill", "SIGKILL at any moment of a load (DuckDB)", "kills", ("--kills", 1000), "kills"),
    Suite(
        "io-faults",
        "each operation on a file killed, torn or failed (DuckDB)",
        "io_faults",
        ("--every", -1),
        "cases",
    ),
    Suite(
        "power-loss",
        "states of a disk after a simulated power loss (DuckDB)",
        "power_loss",
        ("--states", 1000),
        "states",
    ),
    Suite("cuts", "connections cut, at COMMIT too (stand-in for Redshift)", "cuts", ("--cuts", 1000), "loads"),
    Suite(
        "loaders",
        "eight loads and two readers at once (DuckDB): rounds",
        "loaders",
        ("--rounds", 100),
        "rounds",
    ),
    Suite(
        "hostile",
        "hostile names in files, values, options and settings",
        "hostile",
        ("--names", 1000),
        "names",
    ),
    Suite(
        "loaders",
        "eight loads at once (stand-in for Redshift): rounds",
        tests=("tests/databases/redshift/test_redshift_loaders.py", "--scale", "50"),
    ),
    Suite(
        "s3-faults", "500 loads whose S3 fails", tests=("tests/databases/test_s3_faults.py", "--seeds", "500")
    ),
    Suite(
        "signals",
        "each signal in every step of a load",
        tests=("tests/acceptance/test_signals.py", "--scale", "2"),
    ),
    Suite(
        "canaries",
        "secrets in every place of the settings",
        tests=("tests/acceptance/test_canaries.py", "--scale", "2"),
    ),
    Suite("bombs", "gzip bombs and lines of 2 GB", tests=("tests/databases/test_bombs.py", "--scale", "64")),
    Suite(
        "parity",
        "1,000 orders of late files",
        tests=("tests/databases/duckdb/test_orders.py", "-k", "late_days", "--seeds", "1000"),
    ),
    Suite(
        "certificates",
        "six servers with a bad certificate, or without TLS",
        tests=("tests/databases/redshift/test_redshift_certificates.py",),
    ),
)


def sized(suite: Suite, scale: float) -> list[str]:
    """The options that run a suite at a fraction of its full size."""
    option, full = suite.size
    # A negative size means one operation in so many.
    return [option, str(round(1 / scale) if full < 0 else max(round(full * scale), 1))]


def outcome(arguments: list[str]) -> tuple[int, Mapping[str, Any]]:
    """Run a module. Returns its exit code, and its result: the last line of its output, as JSON."""
    done = subprocess.run(
        [sys.executable, "-m", *arguments], cwd=CLONE, stdout=subprocess.PIPE, text=True, check=False
    )
    line = done.stdout.strip().rpartition("\n")[2]
    return done.returncode, json.loads(line) if line.startswith("{") else {"last": line}


def row(suite: Suite, scale: float) -> tuple[str, bool]:
    """Run a suite. Returns its row of the table, and whether it passed."""
    began = time.monotonic()
    if suite.tests:
        code, found = outcome(["pytest", *suite.tests])
        # Without the duration.
        tried = str(found.get("last", "")).partition(" in ")[0]
        violations, control = "0" if code == 0 else "**see above**", "among them"
        fine = code == 0
    else:
        module = f"tests.support.{suite.module}"
        code, found = outcome([module, *sized(suite, scale)])
        wrong = found.get("violations", len(found.get("wrong", ())))
        for line in found.get("wrong", ()):
            print(line, file=sys.stderr)
        tried, violations = f"{found.get(suite.tried, 0):,}", str(wrong)
        seen, spoilt = outcome([module, *sized(suite, scale), "--sabotage"])
        control = "seen" if seen == 1 and spoilt.get("wrong") else "**not seen**"
        fine = code == 0 and control == "seen"
    minutes = (time.monotonic() - began) / 60
    return f"| {suite.what} | {tried} | {violations} | {control} | {minutes:.0f} | `make {suite.name}` |", fine


def main() -> None:
    """Run the suites, and print each row of the table when it is ready."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=1, help="a part of the sizes of the modules")
    parser.add_argument("--only", nargs="*", default=[], help="targets")
    options = parser.parse_args()
    versions = f"Python {platform.python_version()}, DuckDB {duckdb.__version__}"
    print(f"{platform.machine()}, {os.cpu_count()} cores, {versions}\n")
    print("| what | tried | violations | control | minutes | command |\n|---|---|---|---|---|---|", flush=True)
    fine = True
    for suite in SUITES:
        if not options.only or suite.name in options.only:
            line, well = row(suite, options.scale)
            print(line, flush=True)
            fine = fine and well
    sys.exit(0 if fine else 1)


if __name__ == "__main__":
    main()
