"""Settings of a database, if there are any."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sparkify.etl.declarations import Source

if TYPE_CHECKING:
    from sparkify.config.settings import Settings

__all__ = ["jsonpaths", "option"]


def option(settings: Settings | None, name: str) -> Any:
    """A setting by its name; None if there are no settings."""
    return None if settings is None else getattr(settings, name)


def jsonpaths(settings: Settings | None, sources: Sequence[Source]) -> Mapping[str, str]:
    """The JSONPaths file that the settings name for each source, if any."""
    named = {
        source.name: option(settings, source.location.jsonpaths)
        for source in sources
        if source.location.jsonpaths is not None
    }
    return {name: uri for name, uri in named.items() if uri}
