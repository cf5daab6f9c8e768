"""The imports of the Redshift package, and its import in any order, each in a new process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import CLONE


def test_compiling_needs_no_driver() -> None:
    program = (
        "import sys\n"
        "sys.modules['redshift_connector'] = None\n"  # importing it fails
        "import sqlalchemy as sa\n"
        "from sparkify.redshift import RedshiftDialect, register, render\n"
        "register()\n"
        "table = sa.table('t', sa.column('x'))\n"
        "print(sa.insert(table).values(x=1).compile(dialect=RedshiftDialect()))\n"
        "print(render(sa.select(table.c.x).where(table.c.x > 5)))\n"
        "assert 'psycopg2' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert " ".join(done.stdout.split()) == "INSERT INTO t (x) VALUES (%s) SELECT t.x FROM t WHERE t.x > 5"


def test_registering_reaches_options_and_migrations_whatever_came_first() -> None:
    program = (
        "import sqlalchemy as sa\n"
        "sa.Table('early', sa.MetaData(), redshift_diststyle='ALL')\n"  # registers upstream's options
        "from sparkify.redshift import register\n"
        "register()\n"
        "sa.Table('late', sa.MetaData(), redshift_encode='AUTO', redshift_backup=False)\n"
        "from alembic.ddl.impl import _impls\n"
        "assert _impls['redshift'].__module__ == 'sparkify.redshift.migrations.impl'\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize(
    "first",
    [
        "alembic.config",
        "sqlalchemy_redshift.dialect",
        "sparkify.redshift.dialect",
        "sparkify.redshift.migrations",
    ],
)
def test_the_entry_point_can_be_loaded_whatever_is_imported_first(first: str, tmp_path: Path) -> None:
    """Alembic loads it in the middle of its own import, from the entry point of the installed package."""
    program = (
        f"import {first}\n"
        "from alembic.runtime import plugins\n"
        "from sparkify.redshift import migrations\n"
        "names = migrations.autogenerate_plugins()\n"
        "assert names == ['alembic.autogenerate.*', 'sparkify.redshift'], names\n"
        "assert 'sparkify.redshift' in plugins._all_plugins\n"
        "from alembic.ddl.impl import _impls\n"
        "assert _impls['redshift'] is migrations.RedshiftImpl\n"
    )
    subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        env={"PYTHONPATH": str(CLONE)},
        cwd=tmp_path,
        check=True,
    )


def test_the_package_is_light() -> None:
    program = "import sys, sparkify.redshift; assert not {'sqlalchemy', 'alembic', 'boto3'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", program], env={"PYTHONPATH": str(CLONE)}, check=True)
