"""The commands against the stand-in, as a user runs them: migrate, check, load, and migrations of keys."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine

from standin import Standin
from tests.support.cloud import ROLE, Cloud
from tests.support.commands import run_here, run_module
from tests.support.data import HEAD, Data, rows
from tests.support.making import event, song
from tests.support.paths import CLONE


def settings_of(redshift: Standin) -> dict[str, str]:
    return {**redshift.environment, "SPARKIFY_DATABASE_URL": redshift.url, "PYTHONWARNINGS": "ignore"}


def run(redshift: Standin, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own."""
    return run_module(*command, cwd=CLONE, environment={**settings_of(redshift), **environment})


def alembic(redshift: Standin, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run_here("alembic", *arguments, cwd=CLONE, environment=settings_of(redshift))


ALEMBIC_ONE_BY_ONE = """
import sys
from alembic.config import main
for line in sys.stdin:
    print("alembic", line, flush=True)
    main(argv=line.split())
"""


def alembic_in(clone: Path, redshift: Standin, *commands: str) -> None:
    """Run commands of Alembic with the package and the migrations of a clone, and require that each succeeds.

    One process runs them all: most of the time of one is that of its imports.
    """
    done = subprocess.run(
        [sys.executable, "-c", ALEMBIC_ONE_BY_ONE],
        cwd=clone,
        # The folder first: the package that is migrated is the one beside the migrations.
        env={**os.environ, **settings_of(redshift), "PYTHONPATH": str(clone), "PYTHONUTF8": "1"},
        input="\n".join(commands),
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("alembic ") >= len(commands), done.stdout


def killed_load(redshift: Standin, at: str, **environment: str) -> None:
    """Run a load, and kill it while the server is at a statement."""
    fault = redshift.inject("delay", at, seconds=1.5)
    process = subprocess.Popen(
        [sys.executable, "-m", "sparkify", "load"],
        env={**os.environ, **settings_of(redshift), **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 60
    while fault.fired == 0:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.kill()
    process.wait(timeout=30)


@pytest.mark.parametrize(
    ("at", "loads"),
    [
        ("^COPY staging_songs", "Loaded 1 line of events"),
        ("^INSERT INTO songplays", "Loaded 1 line of events"),
        ("^INSERT INTO load_history", "Loaded 1 line of events"),
        # What the server has been asked it does, whether somebody waits for the answer or not.
        ("^COMMIT", "Nothing new"),
    ],
)
def test_killed_load_is_loaded_once(cloud: Cloud, tmp_path: Path, at: str, loads: str) -> None:
    data = Data(tmp_path / "data")
    data.log("a.json", event())
    data.song("a.json", song())
    cloud.put(data.logs, "log_data")
    cloud.put(data.songs, "song_data")
    settings: dict[str, Any] = {
        "SPARKIFY_LOG_DATA": "s3://plays/log_data",
        "SPARKIFY_SONG_DATA": "s3://plays/song_data",
        "SPARKIFY_LOG_JSONPATH": "s3://plays/log_json_path.json",
        "SPARKIFY_IAM_ROLE_ARN": ROLE,
    }
    with cloud.with_tables() as warehouse:
        killed_load(cloud.redshift, at, **settings)
        # At once: it waits at the lock for as long as the server has to do for the one that is gone.
        done = run(cloud.redshift, "sparkify", "load", **settings)
        assert (done.returncode, done.stdout.splitlines()[-1].startswith(loads)) == (0, True), done.stdout
        assert rows(warehouse, "SELECT count(*) FROM songplays") == [(1,)]
        assert rows(warehouse, "SELECT load_id, files FROM load_history") == [(1, 2)]
        assert [check.name for check in warehouse.check() if not check.ok] == []


def test_migrations_up_down_up_then_load(cloud: Cloud, real: Path) -> None:
    redshift = cloud.redshift
    for arguments in (["upgrade", "head"], ["check"], ["downgrade", "base"], ["upgrade", "head"], ["check"]):
        done = alembic(redshift, *arguments)
        assert done.returncode == 0, (arguments, done.stdout, done.stderr)
    redshift.create_bucket("udacity-dend")
    for name in ("log_data", "song_data"):
        for path in (real / name).rglob("*.json"):
            uri = f"s3://udacity-dend/{name}/{path.relative_to(real / name)}"
            redshift.put_object(uri, path.read_bytes())
    redshift.put_object("s3://udacity-dend/log_json_path.json", (real / "log_json_path.json").read_bytes())
    settings: dict[str, Any] = {
        "SPARKIFY_LOG_DATA": "s3://udacity-dend/log_data",
        "SPARKIFY_SONG_DATA": "s3://udacity-dend/song_data",
        "SPARKIFY_LOG_JSONPATH": "s3://udacity-dend/log_json_path.json",
        "SPARKIFY_IAM_ROLE_ARN": ROLE,
    }
    loaded = run(redshift, "sparkify", "load", "--json", **settings)
    assert loaded.returncode == 0, loaded.stderr
    report = json.loads(loaded.stdout)
    assert report["rows"]["songplays"] == 6820
    assert report["rows"]["users"] == 96
    again = run(redshift, "sparkify", "load", **settings)
    assert again.stdout.startswith("Nothing new: 30 files of events and 71 files of songs")
    checked = run(redshift, "sparkify", "check", **settings)
    assert (checked.returncode, "all is well" in checked.stdout) == (0, True)
    password = redshift.url.split("@")[0].rsplit(":", 1)[1]
    for done in (loaded, again, checked):
        assert password not in done.stdout + done.stderr


ALTERED = {
    "sort key": ("ALTER TABLE songplays ALTER SORTKEY (user_id)", "alter_sortkey"),
    "distribution key": ("ALTER TABLE songplays ALTER DISTKEY song_id", "alter_distkey"),
    "distribution style": ("ALTER TABLE load_history ALTER DISTSTYLE EVEN", "alter_diststyle"),
    "encoding": ("ALTER TABLE songplays ALTER COLUMN level ENCODE lzo", "alter_encode"),
}


@pytest.mark.parametrize("what", ALTERED)
def test_alembic_check_finds_altered_keys(cloud: Cloud, what: str) -> None:
    cloud.with_tables()
    statement, operation = ALTERED[what]
    engine = create_engine(cloud.redshift.url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(statement)
    engine.dispose()
    found = alembic(cloud.redshift, "check")
    assert found.returncode != 0
    assert "New upgrade operations detected" in found.stdout + found.stderr
    assert operation in found.stdout + found.stderr or what.split()[0] in (found.stdout + found.stderr).lower()


# What is changed in the model, to what, and the operation that must come of it.
CHANGED = {
    "sort key": (
        '"redshift_distkey": "user_id", "redshift_sortkey": "start_time"',
        '"redshift_distkey": "user_id", "redshift_sortkey": "user_id"',
        "alter_sortkey",
    ),
    "distribution key": (
        '"redshift_distkey": "user_id", "redshift_sortkey": "start_time"',
        '"redshift_distkey": "song_id", "redshift_sortkey": "start_time"',
        "alter_distkey",
    ),
    "distribution style": (
        '"redshift_diststyle": "ALL", "redshift_sortkey": "load_id"',
        '"redshift_diststyle": "EVEN", "redshift_sortkey": "load_id"',
        "alter_diststyle",
    ),
    "encoding": (
        'user_agent: Mapped[str | None] = mapped_column(String(1024), redshift_encode="zstd")',
        'user_agent: Mapped[str | None] = mapped_column(String(1024), redshift_encode="lzo")',
        "alter_encode",
    ),
}


@pytest.mark.parametrize("what", CHANGED)
def test_changed_model_becomes_a_migration(cloud: Cloud, tmp_path: Path, what: str) -> None:
    """``alembic revision --autogenerate`` in a clone whose model was changed; up, clean, down, clean again."""
    here = tmp_path / "clone"
    for name in ("sparkify", "migrations"):
        shutil.copytree(CLONE / name, here / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(CLONE / "alembic.ini", here)
    cloud.with_tables()
    old, new, operation = CHANGED[what]
    models = [here / "sparkify" / "models" / name for name in ("star.py", "ledger.py")]
    (model,) = [path for path in models if old in path.read_text()]
    model.write_text(model.read_text().replace(old, new, 1))
    alembic_in(
        here,
        cloud.redshift,
        "revision --autogenerate -m keys --rev-id 9999",
        *("upgrade head", "check", f"downgrade {HEAD}", "upgrade head", "check"),
        # Down again, the database is as the model was: see below.
        f"downgrade {HEAD}",
    )
    script = (here / "migrations" / "versions" / "9999_keys.py").read_text()
    up, _, down = script.partition("def downgrade")
    assert f"op.{operation}(" in up
    assert f"op.{operation}(" in down
    # With the model and the migrations that it was copied from.
    done = alembic(cloud.redshift, "check")
    assert done.returncode == 0, done.stdout + done.stderr
