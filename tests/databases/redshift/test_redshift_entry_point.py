"""``redshift+sparkify://`` in a new process that does not import sparkify: dialect, options, Alembic."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from standin import Standin
from tests.support.paths import CLONE

URL = "redshift+sparkify://u@h/d"
TABLES = (
    "import sqlalchemy as sa\n"
    "a = sa.table('a', sa.column('id'))\n"
    "b = sa.table('b', sa.column('id'))\n"
    "delete = sa.delete(a).where(sa.exists(sa.select(1).where(b.c.id == a.c.id)))\n"
)


@pytest.fixture
def installed(tmp_path: Path) -> dict[str, str]:
    """The environment of a process that has the package installed, with the entry points of pyproject.toml.

    What pip has written may be older than this clone.
    """
    project = tomllib.loads((CLONE / "pyproject.toml").read_text())["project"]
    info = tmp_path / "sparkify_of_the_clone-0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: sparkify-of-the-clone\nVersion: 0\n")
    lines = [f"{name} = {target}" for name, target in project["entry-points"]["sqlalchemy.dialects"].items()]
    (info / "entry_points.txt").write_text("\n".join(["[sqlalchemy.dialects]", *lines]) + "\n")
    return {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{CLONE}"}


def run(program: str, environment: dict[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-W", "ignore::DeprecationWarning:redshift_connector", "-c", program],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return " ".join(done.stdout.split())


def test_entry_point_gives_dialect_without_an_import(installed: dict[str, str]) -> None:
    program = (
        f"{TABLES}"
        "import sys\n"
        "assert 'sparkify' not in sys.modules\n"
        f"engine = sa.create_engine({URL!r})\n"
        "from sparkify.redshift import RedshiftDialect\n"
        "assert type(engine.dialect) is RedshiftDialect\n"
        "print(engine.dialect.name, engine.dialect.driver, delete.compile(engine))\n"
    )
    assert run(program, installed) == (
        "redshift redshift_connector DELETE FROM a WHERE EXISTS (SELECT 1 FROM b WHERE b.id = a.id)"
    )


def test_name_of_upstream_without_register_deletes_every_row(installed: dict[str, str]) -> None:
    """Why the dialect has a name of its own."""
    program = f"{TABLES}print(delete.compile(sa.create_engine('redshift+redshift_connector://u@h/d')))\n"
    assert run(program, installed) == ("DELETE FROM a WHERE EXISTS (SELECT 1 FROM b, a WHERE b.id = a.id)")


def test_entry_point_leaves_other_names_alone(installed: dict[str, str]) -> None:
    program = (
        "import sqlalchemy as sa\n"
        f"sa.create_engine({URL!r})\n"
        "for name in ('redshift', 'redshift+redshift_connector'):\n"
        "    print(sa.make_url(name + '://h/d').get_dialect().__name__)\n"
    )
    assert run(program, installed) == "RedshiftDialect_psycopg2 RedshiftDialect_redshift_connector"


def test_registered_dialect_has_the_name_without_being_installed() -> None:
    program = (
        "import sqlalchemy as sa\n"
        "from sparkify.redshift import register\n"
        "register()\n"
        f"print(type(sa.create_engine({URL!r}).dialect).__name__)\n"
    )
    assert run(program, {**os.environ, "PYTHONPATH": str(CLONE)}) == "RedshiftDialect"


def test_entry_point_brings_options_and_migrations(installed: dict[str, str]) -> None:
    program = (
        "import sqlalchemy as sa\n"
        "from sqlalchemy.schema import CreateTable\n"
        f"engine = sa.create_engine({URL!r})\n"
        "table = sa.Table('t', sa.MetaData(), sa.Column('x', sa.Integer), redshift_encode='AUTO')\n"
        "print(CreateTable(table).compile(engine))\n"
        "from alembic.migration import MigrationContext\n"
        "print(type(MigrationContext.configure(url=" + repr(URL) + ").impl).__module__)\n"
    )
    assert (
        run(program, installed) == "CREATE TABLE t ( x INTEGER ) ENCODE AUTO sparkify.redshift.migrations.impl"
    )


def test_entry_point_reaches_a_database(installed: dict[str, str], redshift: Standin) -> None:
    program = (
        f"{TABLES}"
        "import sys\n"
        "engine = sa.create_engine(sys.stdin.readline().strip())\n"
        "with engine.begin() as connection:\n"
        "    for text in ('CREATE TABLE a (id INT)', 'CREATE TABLE b (id INT)',\n"
        "                 'INSERT INTO a VALUES (1), (2), (3)', 'INSERT INTO b VALUES (2)'):\n"
        "        connection.exec_driver_sql(text)\n"
        "    connection.execute(delete)\n"
        "    print(sorted(connection.scalars(sa.select(a.c.id))))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        input=redshift.url.replace("redshift_connector", "sparkify"),
        env={**installed, **redshift.environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "[1, 3]\n", done.stderr


def test_warehouse_takes_the_name_too(redshift: Standin) -> None:
    from sparkify import Warehouse

    with Warehouse(redshift.url.replace("redshift_connector", "sparkify")) as warehouse:
        warehouse.migrate()
        assert warehouse.status().exists
