"""What a warehouse is opened with: a URL, an engine, or settings."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import URL, Engine

from sparkify.config.connection import parse_url
from sparkify.config.settings import Settings
from sparkify.etl.declarations import Source

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
        return settings, parse_url(target)
    return settings, settings.url
