"""The contestants: the command of each, and whether its rows are right."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.environments import ROOT, Environment, environment
from benchmarks.measuring import Measurement, measure

__all__ = ["OPPONENTS", "Contestant", "compare", "contestants"]

_MODULES = {
    "by_hand": "benchmarks.opponents.by_hand",
    "floor": "benchmarks.opponents.floor",
    "polars": "benchmarks.opponents.polars_star",
    "dbt": "benchmarks.opponents.dbt_star",
    "sqlmesh": "benchmarks.opponents.sqlmesh_star",
    "dlt": "benchmarks.opponents.dlt_star",
}
OPPONENTS = tuple(_MODULES)
"""All contestants but sparkify."""

_SCHEMAS = {"sqlmesh": "star", "dlt": "star"}
"""The schema of the star, for contestants that do not write to ``main``."""

_SAME_STAR = ("sparkify", "by_hand")
_OF_ANY_DUCKDB = ("sparkify", "by_hand", "floor")


@dataclass(frozen=True)
class Contestant:
    """A program that builds a star in a database from the files.

    :ivar duckdb: the requested version, or nothing.
    """

    kind: str
    environment: Environment
    duckdb: str = ""

    @property
    def name(self) -> str:
        """The name that is printed."""
        return f"{self.kind}, DuckDB {self.duckdb}" if self.duckdb else self.kind

    @property
    def makes_same_star(self) -> bool:
        """Whether it builds all that sparkify builds; the others build five of its tables."""
        return self.kind in _SAME_STAR

    def load(self, database: Path, logs: Path, songs: Path) -> Measurement:
        """Measure a load of the files into the database, which need not exist.

        :raises CommandFailed: if it fails.
        """
        python = self.environment.python
        command: list[str | Path]
        if self.kind == "sparkify":
            command = [
                python,
                "-m",
                "sparkify",
                "load",
                "--quiet",
                "--json",
                "--database",
                f"duckdb:///{database}",
            ]
            command += ["--log-data", logs, "--song-data", songs]
        else:
            command = [python, "-m", _MODULES[self.kind], database, logs, songs]
        return measure(command, cwd=database.parent, env={"PYTHONPATH": str(ROOT)})


def contestants(names: Sequence[str], duckdb_versions: Sequence[str] = ()) -> list[Contestant]:
    """Sparkify, then those named; each that runs in sparkify's environment, once per version of DuckDB."""
    found = []
    for kind in dict.fromkeys(("sparkify", *names)):
        if kind not in _OF_ANY_DUCKDB:
            found.append(Contestant(kind, environment(kind)))
        elif not duckdb_versions:
            found.append(Contestant(kind, environment("sparkify")))
        else:
            found += [
                Contestant(kind, environment(f"sparkify-{version}"), version) for version in duckdb_versions
            ]
    return found


def compare(contestant: Contestant, database: Path, reference: Contestant, of_sparkify: Path) -> str | None:
    """How its database differs from sparkify's, or None if the rows are the same.

    If it builds the same star, every row of each table is compared; else, the number of rows of each table.
    """
    try:
        if contestant.makes_same_star:
            differing = _rows(contestant, "same", of_sparkify, database)
            return "; ".join(f"{table}: {text}" for table, text in differing.items()) or None
        wanted = _rows(reference, "counts", of_sparkify)
        found = _rows(contestant, "counts", database, _SCHEMAS.get(contestant.kind, "main"))
    except subprocess.CalledProcessError as exc:
        return f"they cannot be read: {exc.stderr.strip().splitlines()[-1]}"
    return None if found == wanted else f"{found}, not {wanted}"


def _rows(contestant: Contestant, *arguments: str | Path) -> dict[str, object]:
    # In its own process, so that its memory is not counted as the next contestant's.
    command = [contestant.environment.python, ROOT / "benchmarks" / "rows.py", *arguments]
    done = subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True)
    found: dict[str, object] = json.loads(done.stdout)
    return found
