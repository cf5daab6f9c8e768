"""pytest-alembic's checks of the migrations: one head, up, down, and equal to the models."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.util import CommandError
from pytest_alembic import tests as checks
from pytest_alembic.config import Config as Settings
from pytest_alembic.plugin.error import AlembicTestFailure
from pytest_alembic.runner import MigrationContext, runner

from sparkify import Warehouse
from sparkify.pipeline import SPARKIFY
from sparkify.warehouse.revisions import head_of
from tests.support.paths import CLONE


@pytest.fixture
def history(empty: Warehouse) -> Iterator[MigrationContext]:
    """The migrations of the clone, to be run on that warehouse."""
    with history_of(empty, CLONE / "migrations") as found:
        yield found


@contextmanager
def history_of(warehouse: Warehouse, migrations: Path) -> Iterator[MigrationContext]:
    """The migrations of a folder, to be run on a warehouse."""
    config = Config()
    config.set_main_option("script_location", str(migrations))
    config.set_main_option("path_separator", "os")
    config.attributes["database"] = warehouse.database
    # env.py takes a connection, not an engine.
    with (
        warehouse.engine.connect() as connection,
        runner(config=Settings(alembic_config=config), engine=connection) as made,
    ):
        yield made


@pytest.mark.parametrize(
    "check",
    [
        checks.test_single_head_revision,
        checks.test_upgrade,
        checks.test_up_down_consistency,
        checks.test_model_definitions_match_ddl,
    ],
)
def test_check_passes(check: Callable[[MigrationContext], None], history: MigrationContext) -> None:
    check(history)


def migration(revision: str, below: str | None, upgrade: str) -> str:
    return (
        "from alembic import op\n"
        "from alembic.util import CommandError\n"
        f"revision, down_revision = {revision!r}, {below!r}\n"
        f"def upgrade():\n    {upgrade}\n"
        "def downgrade():\n    pass\n"
    )


HEAD = head_of(SPARKIFY)
FAULTS: dict[str, tuple[Callable[[MigrationContext], None], str, str, str]] = {
    # The check; the file and the text of the migration that is added; the message of the check.
    "second head": (
        checks.test_single_head_revision,
        "9998_other.py",
        migration("9998", "0001", "pass"),
        "Expected 1 head revision, found 2",
    ),
    "migration that fails": (
        checks.test_upgrade,
        "9998_broken.py",
        migration("9998", HEAD, "raise CommandError('broken')"),
        "broken",
    ),
    "column that only the models have": (
        checks.test_model_definitions_match_ddl,
        "9998_gender.py",
        migration("9998", HEAD, "op.drop_column('users', 'gender')"),
        "out of sync",
    ),
    "downgrade that leaves a table": (
        checks.test_up_down_consistency,
        "9998_left.py",
        migration("9998", HEAD, "op.execute('CREATE TABLE left_behind (id INTEGER)')"),
        "roundtrip upgrade -> downgrade -> upgrade",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_check_sees_fault(fault: str, tmp_path: Path) -> None:
    check, name, text, message = FAULTS[fault]
    shutil.copytree(CLONE / "migrations", tmp_path / "migrations")
    (tmp_path / "migrations" / "versions" / name).write_text(text)
    with (
        Warehouse(f"duckdb:///{tmp_path}/x.duckdb") as warehouse,
        history_of(warehouse, tmp_path / "migrations") as history,
        pytest.raises((AlembicTestFailure, CommandError), match=re.escape(message)),
    ):
        check(history)
