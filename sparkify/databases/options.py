"""What the settings say of a database, where there are settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sparkify.etl.declarations import Source

if TYPE_CHECKING:
    from sparkify.config.settings import Settings

__all__ = ["jsonpaths", "option"]


def option(settings: Settings | None, name: str) -> Any:
    """A setting by its name; None where there are no settings."""
    return None if settings is None else getattr(settings, name)


def jsonpaths(settings: Settings | None, sources: Sequence[Source]) -> Mapping[str, str]:
    """By source, the JSONPaths file that the settings name."""
    named = {
        source.name: option(settings, source.location.jsonpaths)
        for source in sources
        if source.location.jsonpaths is not None
    }
    return {name: uri for name, uri in named.items() if uri}
