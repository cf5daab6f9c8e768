"""What a warehouse is opened with: a URL, an engine, or settings."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import URL, Engine, make_url
from sqlalchemy.exc import ArgumentError

from sparkify.config.settings import Settings
from sparkify.etl.declarations import Source
from sparkify.etl.errors import ConfigurationError

__all__ = ["resolve_target"]


def resolve_target(
    target: str | URL | Engine | Settings | None, sources: Sequence[Source]
) -> tuple[Settings, URL]:
    """The settings of a warehouse, those of its sources included, and where it is.

    :raises ConfigurationError: when the settings or the URL cannot be understood.
    """
    settings = target.declaring(sources) if isinstance(target, Settings) else Settings.load(sources)
    if isinstance(target, Engine):
        return settings, target.url
    if isinstance(target, str | URL):
        return settings, _parse(target)
    return settings, settings.url


def _parse(url: str | URL) -> URL:
    try:
        return make_url(url)
    except ArgumentError:
        raise ConfigurationError(
            "not a URL of SQLAlchemy; give one such as duckdb:///sparkify.duckdb or "
            "redshift+redshift_connector://user:password@host:5439/dev"
        ) from None
