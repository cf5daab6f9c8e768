"""The migrations: up, down, the same as the models, on both databases, in a clone and from a wheel."""

from __future__ import annotations

import re
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest
from sqlalchemy import inspect

from sparkify import Warehouse
from sparkify.models import Base
from tests.support.commands import run_module
from tests.support.paths import CLONE
from tests.unit.test_models import DDL, plain

REDSHIFT = "redshift+redshift_connector://awsuser:canary@dwh.abc.us-west-2.redshift.amazonaws.com:5439/dev"


def alembic(*arguments: str, url: str) -> subprocess.CompletedProcess[str]:
    return run_module("alembic", *arguments, cwd=CLONE, environment={"SPARKIFY_DATABASE_URL": url})


def test_up_check_down_up(tmp_path: Path) -> None:
    url = f"duckdb:///{tmp_path}/x.duckdb"
    for arguments in (["upgrade", "head"], ["check"], ["downgrade", "base"], ["upgrade", "head"], ["check"]):
        done = alembic(*arguments, url=url)
        assert done.returncode == 0, (arguments, done.stdout, done.stderr)
    assert "No new upgrade operations detected" in done.stdout
    with Warehouse(url) as warehouse, warehouse.engine.connect() as connection:
        assert set(inspect(connection).get_table_names()) == set(Base.metadata.tables) | {"alembic_version"}
        assert connection.exec_driver_sql("SELECT token, taken FROM load_lock").fetchall() == [(1, 0)]
    alembic("downgrade", "base", url=url)
    with Warehouse(url) as warehouse, warehouse.engine.connect() as connection:
        assert inspect(connection).get_table_names() == ["alembic_version"]
        assert connection.exec_driver_sql("SELECT count(*) FROM duckdb_sequences()").scalar() == 0


def test_down_where_there_is_nothing(tmp_path: Path) -> None:
    done = alembic("downgrade", "base", url=f"duckdb:///{tmp_path}/x.duckdb")
    assert done.returncode == 0, done.stderr


def test_the_check_sees_a_difference(tmp_path: Path) -> None:
    """The negative control of ``alembic check``."""
    url = f"duckdb:///{tmp_path}/x.duckdb"
    alembic("upgrade", "head", url=url)
    with Warehouse(url) as warehouse, warehouse.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE users DROP COLUMN gender")
    done = alembic("check", url=url)
    assert done.returncode != 0
    assert "gender" in done.stdout + done.stderr


def test_the_sql_for_redshift_makes_what_the_models_say() -> None:
    done = alembic("upgrade", "head", "--sql", url=REDSHIFT)
    assert done.returncode == 0, done.stderr
    assert "canary" not in done.stdout + done.stderr
    created = dict(re.findall(r'CREATE TABLE "?(\w+)"? \(\s*(.*?);', done.stdout, flags=re.DOTALL))
    created.pop("alembic_version")
    assert set(created) == set(DDL)

    def parts(text: str) -> list[str]:
        # Alembic writes the constraints in another order, which says nothing.
        body, _, options = plain(text).rpartition(") DISTSTYLE")
        return [*sorted(body.strip().split(", ")), options]

    for name, text in created.items():
        assert parts(text) == parts(DDL[name]), name
    assert "RETURNING" not in done.stdout
    assert "COMMIT;" in done.stdout


def test_keys_are_not_told_to_duckdb(tmp_path: Path) -> None:
    with Warehouse(f"duckdb:///{tmp_path}/x.duckdb") as warehouse:
        warehouse.migrate()
        with warehouse.engine.connect() as connection:
            found = connection.exec_driver_sql(
                "SELECT DISTINCT constraint_type FROM duckdb_constraints() "
                "WHERE table_name <> 'alembic_version'"
            ).fetchall()
    assert found == [("NOT NULL",)]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel that this clone builds."""
    out = tmp_path_factory.mktemp("wheel")
    done = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(out), str(CLONE)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (path,) = out.glob("*.whl")
    return path


def test_the_wheel_carries_the_migrations_and_the_page(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {
        "sparkify/py.typed",
        "sparkify/migrations/env.py",
        "sparkify/migrations/versions/0001_star.py",
        "sparkify/alembic.ini",
        "sparkify/report/page.html.j2",
        "sparkify/report/page.css",
    } <= names
    assert not [name for name in names if name.startswith(("tests/", "benchmarks/", "migrations/"))]


def test_migrate_from_an_installed_wheel(wheel: Path, tmp_path: Path) -> None:
    # The packages of this environment, and sparkify from the wheel instead of from the clone.
    venv.create(tmp_path / "venv", system_site_packages=False, with_pip=False)
    site = next((tmp_path / "venv").glob("lib/python*/site-packages"))
    zipfile.ZipFile(wheel).extractall(site)
    others = next(path for path in sys.path if path.endswith("site-packages"))
    code = (
        "import sys; sys.path.append(sys.argv.pop(1)); import sparkify; print(sparkify.__file__);"
        "from sparkify.cli import main; main()"
    )
    done = subprocess.run(
        # Isolated: no PYTHONPATH puts the clone before the wheel.
        [tmp_path / "venv" / "bin" / "python", "-I", "-c", code, others, "migrate"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(site))
    assert "The warehouse is at revision 0002." in done.stdout
    assert (tmp_path / "sparkify.duckdb").exists()
