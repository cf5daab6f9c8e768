"""Builds the request of a load from names of sources and of the settings that locate their files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from sparkify.config.aws import aws_options
from sparkify.config.settings import Settings
from sparkify.etl.declarations import Pipeline
from sparkify.etl.errors import ConfigurationError
from sparkify.etl.request import LoadRequest

__all__ = ["LOAD_OPTIONS", "build_request"]

LOAD_OPTIONS = tuple(field.name for field in fields(LoadRequest) if field.name not in ("uris", "aws"))
"""The options of a load that do not say where files are."""


def build_request(
    pipeline: Pipeline,
    settings: Settings,
    sources: Mapping[str, str | Path] | None = None,
    locations: Mapping[str, str | Path | None] | None = None,
    only: Iterable[str] | None = None,
    **options: Any,
) -> LoadRequest:
    """The request of a load.

    :param sources: where the files of each source are, by source name; overrides the settings.
    :param locations: the same by the name of a source's setting; None leaves the setting as it is.
    :param only: the names of the sources to load; None loads all of them.
    :param options: the other options of :class:`LoadRequest`.
    :raises ConfigurationError: when a source or setting does not exist, or no source is named.
    """
    names = [source.name for source in pipeline.sources]
    by_setting = {source.location.setting: source.name for source in pipeline.sources}
    given = dict(sources or {})
    for setting, uri in (locations or {}).items():
        if setting not in by_setting:
            raise ConfigurationError(
                f"{setting!r} is not a setting of a source of {pipeline.name}",
                hint=f"There are {', '.join(by_setting)}.",
            )
        if uri is not None:
            given[by_setting[setting]] = uri
    selected = set(names) if only is None else {only} if isinstance(only, str) else set(only)
    if unknown := sorted({*selected, *given} - set(names)):
        raise ConfigurationError(f"{', '.join(unknown)} is not a source", hint=f"Give {' or '.join(names)}.")
    if not selected:
        raise ConfigurationError("no source is named", hint=f"Give {' or '.join(names)}.")
    return LoadRequest(
        uris={
            source.name: str(given.get(source.name) or settings.location(source))
            for source in pipeline.sources
            if source.name in selected
        },
        aws=aws_options(settings),
        **options,
    )
