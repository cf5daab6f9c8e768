"""The simpler star with SQLMesh: ``sqlmesh plan --auto-apply`` on the project beside this file.

    python -m benchmarks.opponents.sqlmesh_star DATABASE LOGS SONGS

As its documentation recommends: models of kind FULL for the star and VIEW for the staging, and the state in the
warehouse's own database.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

PROJECT = Path(__file__).with_name("sqlmesh_project")


def main(database: str, logs: str, songs: str) -> None:
    """Build the star in the schema ``star``; this process becomes SQLMesh's."""
    # SQLMesh keeps a cache and logs in the project folder.
    project = Path(database).with_name("sqlmesh_project")
    shutil.copytree(PROJECT, project, dirs_exist_ok=True)
    os.environ.update(
        STAR_DATABASE=database,
        STAR_LOGS=f"{logs}/**/*.json*",
        STAR_SONGS=f"{songs}/**/*.json*",
        SQLMESH__DISABLE_ANONYMIZED_ANALYTICS="true",
    )
    sqlmesh = str(Path(sys.executable).with_name("sqlmesh"))
    os.execv(sqlmesh, [sqlmesh, "--paths", str(project), "plan", "--auto-apply", "--no-prompts"])


if __name__ == "__main__":
    main(*sys.argv[1:])
