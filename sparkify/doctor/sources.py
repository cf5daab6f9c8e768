"""Checks of the sources that this process reads: it lists them as a load would."""

from __future__ import annotations

from functools import partial

from sparkify.config.dwhcfg import config_file
from sparkify.config.settings import Settings
from sparkify.doctor.checklist import Checklist, Problem
from sparkify.etl.declarations import Pipeline, Source
from sparkify.etl.errors import EmptySource
from sparkify.pipeline import SPARKIFY

__all__ = ["check_sources"]


def check_sources(checklist: Checklist, settings: Settings, pipeline: Pipeline) -> None:
    """Check each source, under the name of its setting."""
    for source in pipeline.sources:
        checklist.run(source.location.setting, partial(_check, settings, source))


def _check(settings: Settings, source: Source) -> str:
    from sparkify.config.aws import aws_options
    from sparkify.etl.lister import list_files

    uri = settings.location(source)
    try:
        files = list_files(uri, aws_options(settings)).files
    except EmptySource as exc:
        section, option = settings.cfg_option(source.location.setting)
        hint = f"set {option} in [{section}] of {config_file()}"
        if source in SPARKIFY.sources:
            hint += ", or: sparkify-etl generate data"
        raise Problem(exc.found, where=exc.where, hint=hint) from exc
    return f"{uri}: {len(files):,} {'file' if len(files) == 1 else 'files'}"
