"""A load creates a new file from the models, equal to that of the migrations, and without Alembic."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import make_url

from sparkify import Warehouse
from sparkify.databases import open_database
from sparkify.etl.declarations import Pipeline
from sparkify.pipeline import SPARKIFY
from sparkify.warehouse.creation import creation_statements
from sparkify.warehouse.migrations import Migrations
from tests.support.commands import run_here
from tests.support.data import HEAD, Data, rows
from tests.support.making import event, song
from tests.support.paths import CLONE
from tests.support.shop import SHOP

CATALOGUE = {
    "tables": "table_name, comment, temporary, has_primary_key, column_count, index_count FROM duckdb_tables()",
    "columns": "table_name, column_index, column_name, data_type, is_nullable, column_default, comment "
    "FROM duckdb_columns() WHERE NOT internal",
    "constraints": "table_name, constraint_type, constraint_name, constraint_text FROM duckdb_constraints()",
    "indexes": "table_name, index_name, is_unique, is_primary, expressions FROM duckdb_indexes()",
    "sequences": "sequence_name, start_value, min_value, max_value, increment_by, cycle, last_value, comment "
    "FROM duckdb_sequences()",
    "views": "view_name, sql, comment FROM duckdb_views() WHERE NOT internal",
    "types": "type_name, logical_type FROM duckdb_types() WHERE NOT internal",
}


Contents = dict[str, list[tuple[object, ...]]]


def contents(file: Path) -> Contents:
    """What the catalogue of a file has, and the rows of each table."""
    with duckdb.connect(str(file), read_only=True) as connection:
        found = {
            name: connection.execute(f"SELECT {query} ORDER BY ALL").fetchall()
            for name, query in CATALOGUE.items()
        }
        for table, *_ in found["tables"]:
            found[f"rows of {table}"] = connection.execute(f'SELECT * FROM "{table}" ORDER BY ALL').fetchall()
    return found


def made(
    file: Path, pipeline: Pipeline, make: Callable[[Warehouse], object]
) -> dict[str, list[tuple[object, ...]]]:
    """The contents of a new file, made by a warehouse of the pipeline."""
    with Warehouse(f"duckdb:///{file}", pipeline) as warehouse:
        make(warehouse)
    return contents(file)


def ensure(warehouse: Warehouse) -> None:
    """What a load does before anything else."""
    Migrations(warehouse.pipeline, warehouse.database).ensure(warehouse.engine)


@pytest.mark.parametrize("pipeline", [SPARKIFY, SHOP], ids=lambda pipeline: pipeline.name)
def test_new_file_equals_result_of_migrations(pipeline: Pipeline, tmp_path: Path) -> None:
    expected = made(tmp_path / "migrated.duckdb", pipeline, Warehouse.migrate)
    found = made(tmp_path / "created.duckdb", pipeline, ensure)
    for part, rows_of_part in expected.items():
        assert found[part] == rows_of_part, part
    assert found.keys() == expected.keys()
    # Control: the comparison covers everything that exists.
    assert {name for name, *_ in found["tables"]} == {*pipeline.metadata.tables, "alembic_version"}
    assert [name for name, *_ in found["views"]] == [view.name for view in pipeline.views]
    assert found[f"rows of {pipeline.ledger.lock.name}"] == [(1, 0)]


def test_new_database_in_memory_equals_new_file(tmp_path: Path) -> None:
    expected = made(tmp_path / "created.duckdb", SPARKIFY, ensure)
    with Warehouse("duckdb:///:memory:") as warehouse:
        ensure(warehouse)
        found = rows(warehouse, f"SELECT {CATALOGUE['columns']} ORDER BY ALL")
        assert rows(warehouse, "SELECT version_num FROM alembic_version") == [(HEAD,)]
    assert found == expected["columns"]


def test_comparison_sees_a_difference(tmp_path: Path) -> None:
    """The negative control of the two above, one statement for each part of the catalogue."""
    changes = {
        "tables": "COMMENT ON TABLE users IS 'other'",
        "columns": "ALTER TABLE users ALTER COLUMN gender SET DEFAULT 'x'",
        "constraints": "ALTER TABLE users ALTER COLUMN gender SET NOT NULL",
        "indexes": "CREATE INDEX one ON users (gender)",
        "sequences": "CREATE SEQUENCE one",
        "views": "CREATE VIEW one AS SELECT 1",
        "types": "CREATE TYPE one AS ENUM ('a')",
        "rows of load_lock": "UPDATE load_lock SET taken = 1",
    }
    for number, (part, change) in enumerate(changes.items()):
        file = tmp_path / f"{number}.duckdb"
        before = made(file, SPARKIFY, ensure)
        with duckdb.connect(str(file)) as connection:
            connection.execute(change)
        assert contents(file)[part] != before[part], part


@pytest.mark.parametrize("pipeline", [SPARKIFY, SHOP], ids=lambda pipeline: pipeline.name)
def test_autogenerate_finds_no_difference_in_new_file(pipeline: Pipeline, tmp_path: Path) -> None:
    with Warehouse(f"duckdb:///{tmp_path}/created.duckdb", pipeline) as warehouse:
        ensure(warehouse)
        with warehouse.engine.connect() as connection:
            context = MigrationContext.configure(
                connection,
                # Foreign keys are not declared to DuckDB; env.py leaves them out too.
                opts={"include_object": lambda _1, _2, kind, *_3: kind != "foreign_key_constraint"},
            )
            assert compare_metadata(context, pipeline.metadata) == []


def test_migrations_go_on_from_file_of_a_load(tmp_path: Path, data: Data) -> None:
    data.log("a.json", event())
    data.song("a.json", song())
    environment = {
        "SPARKIFY_DATABASE_URL": f"duckdb:///{tmp_path}/x.duckdb",
        "SPARKIFY_LOG_DATA": str(data.logs),
        "SPARKIFY_SONG_DATA": str(data.songs),
    }

    def run(*arguments: str) -> str:
        done = run_here(*arguments, cwd=CLONE, environment=environment)
        assert done.returncode == 0, (arguments, done.stdout, done.stderr)
        return done.stdout

    run("sparkify", "load")
    before = contents(tmp_path / "x.duckdb")
    assert before["rows of songplays"]
    run("alembic", "upgrade", "head")
    assert f"revision {HEAD}" in run("sparkify", "migrate")
    assert contents(tmp_path / "x.duckdb") == before
    assert "No new upgrade operations detected" in run("alembic", "check")
    run("alembic", "downgrade", "base")
    assert [table for table, *_ in contents(tmp_path / "x.duckdb")["tables"]] == ["alembic_version"]
    run("alembic", "upgrade", "head")
    assert contents(tmp_path / "x.duckdb")["columns"] == before["columns"]
    run("sparkify", "load")
    assert len(contents(tmp_path / "x.duckdb")["rows of songplays"]) == len(before["rows of songplays"])


def test_pipeline_whose_migrations_make_more_is_migrated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    versions = tmp_path / "migrations" / "versions"
    versions.mkdir(parents=True)
    assert SPARKIFY.migrations is not None
    for path in (SPARKIFY.migrations / "env.py", *(SPARKIFY.migrations / "versions").glob("*.py")):
        (tmp_path / "migrations" / path.relative_to(SPARKIFY.migrations)).write_text(path.read_text())
    (versions / "9999_view.py").write_text(
        f'from alembic import op\n\nrevision = "9999"\ndown_revision = "{HEAD}"\n\n\n'
        'def upgrade() -> None:\n    op.execute("CREATE VIEW one AS SELECT 1")\n'
    )
    theirs = replace(SPARKIFY, migrations=tmp_path / "migrations", create_from_models=False)
    found = made(tmp_path / "x.duckdb", theirs, ensure)
    assert [name for name, *_ in found["views"]] == ["one", "plays"]
    assert found["rows of alembic_version"] == [("9999",)]
    # The default is the safe value.
    assert Pipeline.__dataclass_fields__["create_from_models"].default is False


def test_load_of_new_file_imports_no_alembic(tmp_path: Path, data: Data) -> None:
    data.log("a.json", event())
    data.song("a.json", song())
    code = (
        "import sys\n"
        "from sparkify import Warehouse\n"
        f"with Warehouse('duckdb:///{tmp_path}/x.duckdb') as warehouse:\n"
        f"    warehouse.load(log_data={str(data.logs)!r}, song_data={str(data.songs)!r})\n"
        "    assert warehouse.status().at_head\n"
        "    assert 'alembic' not in sys.modules\n"
        # Alembic knows DuckDB even if it is imported after connecting.
        f"    assert warehouse.migrate() == '{HEAD}'\n"
        "    assert 'CREATE TABLE' in warehouse.migration_sql()\n"
        "    assert 'alembic' in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_statements_are_compiled_once_for_all_files(tmp_path: Path) -> None:
    databases = [open_database(make_url(f"duckdb:///{tmp_path}/{name}.duckdb")) for name in ("a", "b")]
    one, other = (creation_statements(SPARKIFY, database, database.create_engine()) for database in databases)
    assert one is other
