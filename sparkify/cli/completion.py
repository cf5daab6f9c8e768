"""Values for shell completion, from the pipeline, the registry and this machine.

A shell shows no errors. If the pipeline cannot be imported, there is nothing to complete.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps

__all__ = ["dialects", "locations", "revisions", "sources", "tables", "zones"]

Complete = Callable[[str], list[str]]


def _matching(find: Callable[[], Iterable[str]]) -> Complete:
    """Complete to the values that start with what was typed."""

    @wraps(find)
    def complete(incomplete: str) -> list[str]:
        from sparkify.etl.errors import SparkifyError

        try:
            return [name for name in find() if name.startswith(incomplete)]
        except SparkifyError:
            return []

    # Typer reads annotations, and would read those of the wrapped function.
    del complete.__wrapped__
    complete.__annotations__ = {"incomplete": str, "return": list[str]}
    return complete


@_matching
def sources() -> Iterable[str]:
    """The sources of the pipeline."""
    from sparkify.cli.pipeline import chosen_pipeline

    return [source.name for source in chosen_pipeline().sources]


@_matching
def locations() -> Iterable[str]:
    """The sources of the pipeline as ``--source`` takes them: ``NAME=``."""
    from sparkify.cli.pipeline import chosen_pipeline

    return [f"{source.name}=" for source in chosen_pipeline().sources]


@_matching
def tables() -> Iterable[str]:
    """The tables and views of the pipeline."""
    from sparkify.cli.pipeline import chosen_pipeline
    from sparkify.warehouse.dictionary import dictionary

    return [entry.name for entry in dictionary(chosen_pipeline())]


@_matching
def zones() -> Iterable[str]:
    """The time zones of this machine."""
    from zoneinfo import available_timezones

    return sorted(available_timezones())


@_matching
def dialects() -> Iterable[str]:
    """The databases in the registry."""
    from sparkify.databases import names

    return names()


@_matching
def revisions() -> Iterable[str]:
    """The two revisions that have a name."""
    return ("head", "base")
