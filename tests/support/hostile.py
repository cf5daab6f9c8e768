"""Hostile names in files, values, options and settings: none is run as SQL, and no terminal obeys one.

    python -m tests.support.hostile --names 1000 [--seed N]

Each name is the name of a file, and the title, artist, place and user agent of the play in it, loaded into
DuckDB: the texts must be stored as they were, every table must be there, and what the commands print has no
control character. One in ten is also given to options and settings: the command ends with 2 or says nothing
of it; and one in ten to the settings of Redshift, for which a dry run must print the statements of a
harmless name, or refuse. Prints one line of JSON, and exits with 1 when something of this was not so.
``--sabotage`` escapes nothing.
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
"""Files of a load."""


def name(chance: random.Random) -> str:
    """A hostile name, which no file system and no JSON refuses."""
    text = "".join(chance.choice(_PIECES) for _ in range(chance.randint(1, 4))).replace("/", "|")[:60]
    # Blanks around it are not kept, and a text of blanks is none.
    return f"x{text}x" if text != text.strip() else text


class Hostile:
    """What is done with the names, and what was wrong."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = f"duckdb:///{folder / 'sparkify.duckdb'}"
        self.seen: Counter[str] = Counter()
        self.wrong: list[str] = []

    def run_command(self, said: str, *arguments: str, **settings: str) -> tuple[int, str]:
        """A command: its exit code and its stdout. What it prints may not act on a terminal."""
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
        """Load files of these names, with plays of these texts."""
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
            # One of them has a line that is rejected, and shown.
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
        """Give a name to options and settings."""
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
        """The kinds of the statements of a dry run for Redshift, by setting with the name; None: refused."""
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
        """Give a name to the settings of Redshift."""
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
    """So many names: what was seen, and what was wrong."""
    chance = random.Random(seed)
    # It says that it takes LOCK and RESET as they are.
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
    """Name, load, look, print."""
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
