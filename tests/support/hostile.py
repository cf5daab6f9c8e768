"""Check that no hostile name in files, values, options or settings runs as SQL or controls a terminal.

    python -m tests.support.hostile --names 1000 [--seed N]

Each name is used as a file name, and as the title, artist, location and user agent of the play in that file,
and loaded into DuckDB: the texts must be stored unchanged, no table may be lost, and the commands must print no
control character. One in ten is passed to settings, and to options, which must end the command with 1 or 2;
one in ten is passed to the settings of Redshift: a dry run must print the same kinds of statements as for a
harmless name, or refuse. Prints one line of JSON, and exits with 1 on any violation.
``--sabotage`` turns the escaping off.
"""

from __future__ import annotations

import argparse
import json
import logging
import random
import re
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any
from unittest.mock import patch

import sqlglot

from sparkify import Warehouse
from tests.support.cloud import ROLE
from tests.support.commands import run_here
from tests.support.data import rows
from tests.support.making import event, write

_PIECES = (
    "'", '"', "\\", ";", "--", "/*", "*/", "$$", "%s", "%(a)s", "%%", ":a", "?", "{a}", "[ab]*", "**", "~",
    "$HOME",
    "'; DROP TABLE canary; --", '"; DROP TABLE canary; --', "\\'; DROP TABLE canary; --",
    "') UNION SELECT 1 --",
    "\x1b[2J", "\x1b]52;c;Zm9v\x07", "\x9b31m", "\r", "\n", "\nerror: forged", "\u202e", "\u2028", "\u0085",
    "\b",
    "é", "日本", "😀", " ", "a", "null", "=1+1", "@SUM", "<b>", "&amp;", "[bold red]x[/]", "\t",
)  # fmt: skip
_CONTROLS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]"
)
_EACH = 50
"""Number of files in a load."""


def name(chance: random.Random) -> str:
    """A random hostile name that file systems and JSON accept."""
    text = "".join(chance.choice(_PIECES) for _ in range(chance.randint(1, 4))).replace("/", "|")[:60]
    # Blanks at the ends are not stored, and a blank text counts as missing.
    return f"x{text}x" if text != text.strip() else text


class Hostile:
    """Uses the names in files, options and settings, and collects the violations."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = f"duckdb:///{folder / 'sparkify.duckdb'}"
        self.seen: Counter[str] = Counter()
        self.wrong: list[str] = []

    def run_command(self, said: str, *arguments: str, **settings: str) -> tuple[int, str]:
        """Run a command, whose output must not control a terminal. Returns its exit code and its stdout."""
        environment = {"SPARKIFY_DATABASE_URL": self.url, **settings}
        done = run_here("sparkify", *arguments, cwd=self.folder, environment=environment)
        self.seen["commands"] += 1
        if found := _CONTROLS.search(done.stdout + done.stderr):
            self.wrong.append(f"{said}: {arguments[0]} prints {found[0]!r}")
        if "Traceback" in done.stderr or "not expected" in done.stderr:
            self.wrong.append(f"{said}: {arguments}: {done.stderr[-300:]!r}")
        if re.search(r"^error: forged", done.stderr, re.MULTILINE):
            self.wrong.append(f"{said}: {arguments[0]} prints a line of its own")
        return done.returncode, done.stdout

    def load(self, number: int, names: list[str]) -> None:
        """Load files with these names, whose plays have the same texts."""
        said = f"load {number}"
        logs = self.folder / "log_data"
        for item, hostile in enumerate(names):
            line = event(
                sessionId=number,
                itemInSession=item,
                song=hostile,
                artist=hostile,
                location=hostile,
                userAgent=hostile,
            )
            # The first file also has a line that is rejected and displayed.
            lines = [json.dumps(line), *([json.dumps(hostile)] if item == 0 else [])]
            write(logs / f"{number}-{item}{hostile}.json", lines)
        code, _ = self.run_command(
            said, "load", "--only", "events", "--log-data", str(logs), "--max-rejects", "9"
        )
        for shown in ("status", "check", "rejects"):
            self.run_command(said, shown)
        with Warehouse(self.url) as warehouse:
            if number == 0:
                with warehouse.engine.begin() as connection:
                    connection.exec_driver_sql("CREATE TABLE IF NOT EXISTS canary AS SELECT 1 AS alive")
            stored = rows(
                warehouse,
                "SELECT p.item_in_session, m.title, m.artist_name, p.location, p.user_agent FROM songplays p "
                f"JOIN song_matches m ON m.match_id = p.match_id WHERE session_id = {number} ORDER BY 1",
            )
            alive = rows(warehouse, "SELECT * FROM canary")
        texts = {item: set(four) for item, *four in stored}
        different = [
            (hostile, texts.get(item)) for item, hostile in enumerate(names) if texts.get(item) != {hostile}
        ]
        if code or alive != [(1,)] or different:
            self.wrong.append(f"{said}: exit {code}, stored otherwise: {different[:3]!r}, canary {alive}")

    def options(self, hostile: str) -> None:
        """Pass a name to options and settings."""
        said = repr(hostile)
        for arguments in (
            ("load", "--only", hostile),
            ("load", "--log-data", hostile),
            ("query", hostile),
            ("query", "totals", "--since", hostile),
            ("query", "totals", "--tz", hostile),
            ("migrate", hostile),
            ("status", "--database", f"nothing:{hostile}"),
        ):
            if (code := self.run_command(said, *arguments)[0]) not in (1, 2):
                self.wrong.append(f"{said}: {arguments} ended with {code}")
        for setting in ("DB_SCHEMA", "QUERY_GROUP", "HOST", "LOG_DATA", "UNLOAD_PREFIX", "S3_REGION"):
            self.run_command(said, "config", **{f"SPARKIFY_{setting}": hostile})
        self.seen["options"] += 1

    def statements(self, hostile: str | None) -> dict[str, list[str] | None]:
        """The kinds of statements of a Redshift dry run, by the setting that has the name; None if refused."""
        harmless = {
            "SPARKIFY_DATABASE_URL": "redshift+redshift_connector://u:p@localhost:1/dev",
            "SPARKIFY_IAM_ROLE_ARN": ROLE,
            "SPARKIFY_LOG_DATA": "s3://plays/log_data",
            "SPARKIFY_SONG_DATA": "s3://plays/song_data",
            "SPARKIFY_LOG_JSONPATH": "s3://plays/paths.json",
            "SPARKIFY_MANIFEST_PREFIX": "s3://plays/manifests",
        }
        found: dict[str, list[str] | None] = {}
        for setting in [*harmless][1:] if hostile is not None else ["SPARKIFY_LOG_DATA"]:
            changed = harmless if hostile is None else harmless | {setting: harmless[setting] + hostile}
            code, sql = self.run_command(f"{setting} {hostile!r}", "load", "--dry-run", **changed)
            kinds = (
                None if code else [type(one).__name__ for one in sqlglot.parse(sql, dialect="redshift") if one]
            )
            found[setting] = kinds
        return found

    def redshift(self, hostile: str, expected: list[str] | None) -> None:
        """Pass a name to the settings of Redshift."""
        try:
            found = self.statements(hostile)
        except sqlglot.errors.SqlglotError as error:
            self.wrong.append(f"{hostile!r}: the SQL of a dry run does not parse: {error}"[:300])
            return
        for setting, kinds in found.items():
            self.seen["refused" if kinds is None else "accepted"] += 1
            if kinds not in (None, expected):
                self.wrong.append(
                    f"{setting} {hostile!r}: other statements: {Counter(kinds) - Counter(expected)}"
                )


def run(folder: Path, *, names: int, seed: int, sabotage: bool = False) -> dict[str, Any]:
    """Try this many names. Returns the counts and the violations."""
    chance = random.Random(seed)
    # sqlglot warns that it passes LOCK and RESET through unparsed.
    logging.getLogger("sqlglot").setLevel(logging.ERROR)
    found = Hostile(folder)
    every = [name(chance) for _ in range(names)]
    with patch("sparkify.etl.escaping._CONTROL", re.compile("(?!)")) if sabotage else patch.dict({}):
        for number in range(0, names, _EACH):
            found.load(number // _EACH, every[number : number + _EACH])
        for hostile in every[::10]:
            found.options(hostile)
        expected = found.statements(None)["SPARKIFY_LOG_DATA"]
        for hostile in every[5::10]:
            found.redshift(hostile, expected)
    return {"names": names, **found.seen, "violations": len(found.wrong), "wrong": found.wrong[:20]}


def main() -> None:
    """Generate the names, load, inspect, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--names", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sabotage", action="store_true", help="escape nothing")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sparkify-hostile-") as folder:
        found = run(Path(folder), **vars(options))
    print(json.dumps(found))
    sys.exit(1 if found["violations"] else 0)


if __name__ == "__main__":
    main()
