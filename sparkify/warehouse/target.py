"""What a warehouse is opened with: a URL, the path of a file, an engine, or settings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import URL, Engine

from sparkify.config.connection import parse_url
from sparkify.config.settings import Settings
from sparkify.etl.declarations import Source
from sparkify.etl.errors import ConfigurationError

__all__ = ["Target", "resolve_target"]

Target = str | Path | URL | Engine | Settings | None
"""What a warehouse is opened with. A path always names a DuckDB file, whatever its extension."""


def resolve_target(target: Target, sources: Sequence[Source]) -> tuple[Settings, URL]:
    """The settings of a warehouse, including those of its sources, and its URL.

    :raises ConfigurationError: when the settings or URL cannot be understood, or the target is anything else.
    """
    if isinstance(target, Settings):
        settings = target.declaring(sources)
        return settings, settings.url
    settings = Settings.load(sources)
    match target:
        case None:
            return settings, settings.url
        case Engine():
            return settings, target.url
        case Path():
            return settings, URL.create("duckdb", database=str(target))
        case str() | URL():
            return settings, parse_url(target)
        case _:
            # Do not show the target itself, which may contain a password.
            raise ConfigurationError(
                f"a warehouse is not opened with a value of type {type(target).__name__}",
                hint="Give a URL, the path of a DuckDB file, an engine or settings.",
            )
