"""The house: imports go one way, and what is public is what is said to be."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest

import sparkify

PACKAGE = Path(sparkify.__file__).parent

# Each room with the rooms that it may look into, besides itself.
MAY_IMPORT = {
    "etl": {"redshift"},
    "redshift": set(),
    "generate": set(),
    "models": {"etl", "redshift"},
    "transforms": {"models", "etl", "redshift"},
    "checks": {"models", "etl", "redshift"},
    "analytics": {"models", "etl", "redshift"},
    "sqltext": set(),
    "query": {"sqltext", "etl", "redshift"},
    "dictionary": {"models", "etl", "redshift"},
    "pipeline": {"transforms", "checks", "models", "etl", "redshift"},
    "dwhcfg": {"etl"},
    "settings": {"dwhcfg", "etl"},
    "aws": {"settings", "etl"},
    "engines": {"aws", "settings", "etl", "redshift"},
    "migrate": {"engines", "settings", "etl", "redshift"},
    "provision": {"aws", "settings", "etl"},
    "doctor": {
        "provision",
        "aws",
        "warehouse",
        "pipeline",
        "migrate",
        "engines",
        "settings",
        "dwhcfg",
        "etl",
        "redshift",
    },
    "status": {"etl"},
    "warehouse": {"status", "query", "pipeline", "migrate", "engines", "aws", "settings", "etl"},
    "report": {"warehouse", "query", "analytics", "etl"},
}


def imports(path: Path) -> set[str]:
    """The rooms that a module imports from, at its head or within."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module] if node.module != "sparkify" else [f"sparkify.{a.name}" for a in node.names]
            names = [name for name in names if not name.endswith("__")]
        found |= {name.split(".")[1] for name in names if name.startswith("sparkify.")}
    return found


def modules(room: str) -> list[Path]:
    folder = PACKAGE / room
    return sorted(folder.rglob("*.py")) if folder.is_dir() else [PACKAGE / f"{room}.py"]


@pytest.mark.parametrize("room", sorted(MAY_IMPORT))
def test_imports_go_one_way(room: str) -> None:
    for path in modules(room):
        if path.exists():
            assert imports(path) <= MAY_IMPORT[room] | {room}, path


def test_etl_knows_no_table_of_sparkify() -> None:
    words = ("songplays", "staging_events", "NextSong", "sparkify.models", "userId")
    for path in modules("etl"):
        text = path.read_text()
        assert [word for word in words if word in text] == [], path


def test_only_settings_reads_the_environment() -> None:
    for path in PACKAGE.rglob("*.py"):
        if path.name in ("settings.py", "dwhcfg.py") or "generate" in path.parts:
            continue
        uses = [
            line for line in path.read_text().splitlines() if "os.environ" in line and "NO_COLOR" not in line
        ]
        assert uses == [], path


def test_every_module_tells_what_it_is_in_its_first_line() -> None:
    for path in PACKAGE.rglob("*.py"):
        first = (ast.get_docstring(ast.parse(path.read_text())) or "").split("\n")[0]
        assert len(first) > 20, path


def test_what_is_exported_is_there() -> None:
    for name in sparkify.__all__:
        assert getattr(sparkify, name) is not None
    for module in (
        "models",
        "redshift",
        "generate",
        "transforms",
        "checks",
        "settings",
        "analytics",
        "query",
        "dictionary",
        "warehouse",
        "report",
    ):
        found = importlib.import_module(f"sparkify.{module}")
        assert [name for name in found.__all__ if not hasattr(found, name)] == []


def test_no_statement_that_commits_behind_our_back() -> None:
    """On Redshift TRUNCATE commits; on DuckDB ignore_errors makes rows of NULLs."""
    for path in modules("etl") + modules("transforms") + modules("warehouse"):
        code = ast.unparse(ast.parse(path.read_text()))
        assert "TRUNCATE TABLE" not in code, path
        assert "ignore_errors" not in code, path
