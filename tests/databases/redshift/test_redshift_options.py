"""Model options are upstream's and our own, and are known without importing either dialect."""

from __future__ import annotations

import subprocess
import sys

import pytest
from sqlalchemy_redshift.dialect import RedshiftDialect_psycopg2

from sparkify.redshift.options import OPTIONS, RedshiftOptions


def run(program: str) -> None:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_options_are_those_of_upstream_and_our_own() -> None:
    ours = {cls: dict(options) for cls, options in RedshiftOptions.construct_arguments}
    theirs = {cls: dict(options) for cls, options in RedshiftDialect_psycopg2.construct_arguments}
    for cls, options in OPTIONS.items():
        theirs[cls] |= options
    assert ours == theirs


MODEL = (
    "import sys\n"
    "import sqlalchemy as sa\n"
    "from sparkify.redshift import primary_key\n"
    "x = sa.Column('x', sa.Integer, redshift_encode='raw')\n"
    "t = sa.Table('t', sa.MetaData(), x, redshift_encode='AUTO')\n"
)


def test_model_imports_no_dialect() -> None:
    run(f"{MODEL}assert not {{'alembic', 'sqlalchemy_redshift', 'redshift_connector'}} & set(sys.modules)\n")


@pytest.mark.parametrize("argument", ["redshift_disstyle='ALL'", "redshift_identity=(1, 1)"])
def test_unknown_option_is_refused(argument: str) -> None:
    program = (
        f"try:\n    sa.Table('u', sa.MetaData(), {argument})\n"
        "except sa.exc.ArgumentError:\n    pass\n"
        "else:\n    raise SystemExit(1)\n"
    )
    run(MODEL + program)


def test_model_is_rendered_by_each_dialect_afterwards() -> None:
    run(
        f"{MODEL}"
        "from sqlalchemy.schema import CreateTable\n"
        "from sparkify.redshift import RedshiftDialect, register\n"
        "assert 'ENCODE raw' in str(CreateTable(t).compile(dialect=RedshiftDialect()))\n"
        "register()\n"
        "assert sa.make_url('redshift://h/d').get_dialect() is RedshiftDialect\n"
    )


def test_url_without_register_has_dialect_of_upstream() -> None:
    run(
        f"{MODEL}"
        "found = sa.make_url('redshift://h/d').get_dialect()\n"
        "assert found.__name__ == 'RedshiftDialect_psycopg2', found\n"
    )


def test_engine_of_upstream_is_made_where_options_came_first() -> None:
    """SQLAlchemy tells whoever it asked for the dialect that the engine is made."""
    run(
        f"{MODEL}"
        "from types import ModuleType\n"
        "for name in ('psycopg2', 'psycopg2.extras', 'psycopg2.extensions'):\n"
        "    sys.modules[name] = ModuleType(name)\n"
        "driver = sys.modules['psycopg2']\n"
        "driver.__version__, driver.paramstyle = '2.9', 'pyformat'\n"
        "driver.extras = sys.modules['psycopg2.extras']\n"
        "driver.extensions = sys.modules['psycopg2.extensions']\n"
        "engine = sa.create_engine('redshift://u@h/d')\n"
        "assert engine.dialect.driver == 'psycopg2'\n"
    )


def test_upstream_that_came_first_stays() -> None:
    run(
        "import sqlalchemy_redshift.dialect as upstream\n"
        f"{MODEL.replace(', redshift_encode=' + repr('AUTO'), '')}"
        "from sqlalchemy.dialects import registry\n"
        "assert registry.load('redshift') is upstream.RedshiftDialect_psycopg2\n"
    )
