"""Commands on DuckDB do not import modules that they do not use."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.support.data import Data
from tests.support.making import event, song

FRAMES = {"pandas", "numpy", "pyarrow", "polars"}
AWS = {"boto3", "botocore", "obstore", "redshift_connector", "sqlalchemy_redshift"}
RUNS = {"alembic", "mako", "tenacity", "jinja2"}

COMMANDS: dict[str, tuple[list[str], set[str]]] = {
    "load": (["load"], {"rich"}),
    "load of nothing new": (["load"], {"rich"}),
    "status": (["status"], {"rich"}),
    "status as JSON": (["status", "--json"], {"rich"}),
    "check": (["check"], {"rich"}),
    "query": (["query", "top-songs", "--since", "2018-01-01", "--json"], {"rich"}),
    # Rich computes the width of characters.
    "query as a table": (["query", "top-songs"], set()),
    "query as CSV": (["query", "top-songs", "--format", "csv"], {"rich"}),
    "sql": (["sql", "SELECT 1 AS n", "--format", "json"], {"rich"}),
    "sql as Parquet": (["sql", "SELECT 1 AS n", "-o", "n.parquet"], {"rich"}),
    "query as Parquet": (["query", "top-songs", "-o", "n.parquet"], {"rich"}),
    "rejects": (["rejects", "1"], {"rich"}),
    "config": (["config"], {"rich", "duckdb"}),
}
"""In this order; what each does not import, beside what none does."""


def run(code: str, **arguments: Any) -> subprocess.CompletedProcess[str]:
    """A program in a process of its own."""
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=False, **arguments)


@pytest.fixture
def environment(tmp_path: Path, data: Data) -> dict[str, str]:
    """Of a new warehouse, with one day of data."""
    data.log("a.json", event(), event(ts=1541120000000, sessionId=2))
    data.song("a.json", song())
    return {
        "SPARKIFY_DATABASE_URL": f"duckdb:///{tmp_path}/x.duckdb",
        "SPARKIFY_LOG_DATA": str(data.logs),
        "SPARKIFY_SONG_DATA": str(data.songs),
        "PYTHONPATH": ":".join(path for path in sys.path if path),
    }


def test_commands_import_only_what_they_use(tmp_path: Path, environment: dict[str, str]) -> None:
    """With pandas installed, which DuckDB imports at the first parameter."""
    assert importlib.util.find_spec("pandas")
    assert importlib.util.find_spec("numpy")
    for name, (arguments, unused) in COMMANDS.items():
        heavy = FRAMES | AWS | RUNS | unused
        code = (
            "import sys\n"
            "from sparkify.cli import main\n"
            f"sys.argv = ['sparkify-etl', *{arguments!r}]\n"
            f"try:\n    main()\nfinally:\n    print('HEAVY', sorted({heavy!r} & sys.modules.keys()))\n"
        )
        done = run(code, cwd=tmp_path, env=environment)
        assert done.returncode == 0, (name, done.stderr)
        assert done.stdout.endswith("HEAVY []\n"), (name, done.stdout[-300:])


def test_parameter_imports_pandas(tmp_path: Path) -> None:
    """The negative control: with a DuckDB that does so no more, the literals are no longer needed."""
    code = "import sys, duckdb; duckdb.connect().execute('SELECT $1', ['x']); print('pandas' in sys.modules)"
    done = run(code, cwd=tmp_path)
    assert done.stdout == ("True\n" if duckdb.__version__.startswith("1.") else "False\n")


@pytest.mark.parametrize(("before", "configured"), [("", "False"), ("configure_mappers()\n", "True")])
def test_load_configures_no_mapper(
    tmp_path: Path, environment: dict[str, str], before: str, configured: str
) -> None:
    """Its statements are of Core; and the control."""
    code = (
        "import sys\n"
        "from sqlalchemy.orm import configure_mappers\n"
        "from sparkify.cli import main\n"
        "from sparkify.models import SongPlay\n"
        f"{before}"
        "sys.argv = ['sparkify-etl', 'load']\n"
        "try:\n    main()\nfinally:\n    print('CONFIGURED', SongPlay.__mapper__.configured)\n"
    )
    first, second = (run(code, cwd=tmp_path, env=environment).stdout.splitlines() for _ in range(2))
    assert (first[-1], second[-1]) == (f"CONFIGURED {configured}", f"CONFIGURED {configured}")
    assert "Loaded 2 events" in " ".join(first)
    assert "Nothing new" in " ".join(second)
