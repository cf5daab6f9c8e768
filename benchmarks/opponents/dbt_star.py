"""The simpler star with dbt-duckdb: ``dbt run`` on the project beside this file.

    python -m benchmarks.opponents.dbt_star DATABASE LOGS SONGS

As its documentation recommends: the files are sources with an ``external_location``, the staging models are views,
the star's are tables, and there are two threads.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

PROJECT = Path(__file__).with_name("dbt_project")


def main(database: str, logs: str, songs: str) -> None:
    """Build the star; this process becomes dbt's."""
    scratch = Path(database).parent
    os.environ.update(
        STAR_DATABASE=database,
        STAR_LOGS=f"{logs}/**/*.json*",
        STAR_SONGS=f"{songs}/**/*.json*",
        DBT_SEND_ANONYMOUS_USAGE_STATS="false",
    )
    dbt = str(Path(sys.executable).with_name("dbt"))
    folders = ["--project-dir", PROJECT, "--profiles-dir", PROJECT]
    folders += ["--target-path", scratch / "target", "--log-path", scratch / "logs"]
    os.execv(dbt, [dbt, "--no-version-check", "run", *map(str, folders)])


if __name__ == "__main__":
    main(*sys.argv[1:])
