"""Check that a load can run: each result says what is wrong, and what to run.

The checks only read, unless a repair is asked for. A check that depends on one that failed is skipped, with
the reason.
"""

from __future__ import annotations

import shlex
import stat
from functools import partial

from sparkify.config.checks import readable_by_others, unknown_options
from sparkify.config.dwhcfg import config_file
from sparkify.config.secrets import masked_url, secrets_of
from sparkify.config.settings import Settings
from sparkify.databases import Database, open_database
from sparkify.doctor.checklist import Checklist, Diagnosis, Problem
from sparkify.etl.declarations import Pipeline
from sparkify.pipeline import SPARKIFY

__all__ = ["Diagnosis", "examine"]


def examine(
    database: str | None = None, pipeline: Pipeline = SPARKIFY, *, repair: bool = False
) -> tuple[Diagnosis, ...]:
    """The result of every check, in the order in which to repair things. Read-only, except for a repair.

    :param database: the URL of the warehouse, instead of the one in the settings.
    :param pipeline: what is loaded.
    :param repair: repair the file of an embedded database if it does not open.
    """
    checklist = Checklist()
    opened: list[tuple[Settings, Database]] = []
    if not checklist.run("configuration", partial(_configure, opened, database, pipeline), exit_code=2):
        return tuple(checklist.results)
    settings, warehouse = opened[0]
    checklist.secrets = secrets_of(settings)
    checklist.translate = warehouse.translate
    _check_file(checklist, pipeline)
    if repair and not warehouse.is_embedded:
        checklist.run("repair", lambda: str(warehouse.repair()), exit_code=2)
    if warehouse.reads_s3_only:
        from sparkify.doctor.aws import AwsChecks

        AwsChecks(checklist, settings, pipeline).run()
    if warehouse.is_embedded:
        from sparkify.doctor.embedded import EmbeddedChecks

        EmbeddedChecks(checklist, warehouse, pipeline).run(repair=repair)
    else:
        from sparkify.doctor.connection import ConnectionChecks

        ConnectionChecks(checklist, settings, warehouse, pipeline).run()
    if not warehouse.reads_s3_only:
        from sparkify.doctor.sources import check_sources

        check_sources(checklist, settings, pipeline)
    return tuple(checklist.results)


def _configure(opened: list[tuple[Settings, Database]], database: str | None, pipeline: Pipeline) -> str:
    """Read the settings, and append them to ``opened`` with the database that they name."""
    settings = Settings.load(pipeline.sources, database_url=database)
    warehouse = open_database(settings.url, settings, pipeline.sources)
    warehouse.create_engine().dispose()
    opened.append((settings, warehouse))
    source = f"read from {config_file()}" if config_file().exists() else f"no {config_file()}: the defaults"
    if not warehouse.is_embedded:
        return f"{source}; the warehouse is {warehouse.title} at {settings.url.host}"
    return f"{source}; the warehouse is {masked_url(settings.url)}"


def _check_file(checklist: Checklist, pipeline: Pipeline) -> None:
    path = config_file()
    if not path.exists():
        return

    def check_mode() -> str:
        if readable_by_others():
            raise Problem(
                f"{path} holds a secret and others may read it", hint=f"chmod 600 {shlex.quote(str(path))}"
            )
        return f"{stat.S_IMODE(path.stat().st_mode):04o}"

    def check_options() -> str:
        if unknown := unknown_options(pipeline.sources):
            raise Problem(
                "; ".join(unknown), hint=f"correct the names in {path}; see sparkify-etl config --init"
            )
        return "every option is known"

    checklist.run("file mode", check_mode, exit_code=2)
    checklist.run("options", check_options)
