"""Sees that what a pipeline declares fits together: that each name in it is one of what it has."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from sqlalchemy import Table

from sparkify.etl.errors import ConfigurationError
from sparkify.etl.suggestions import did_you_mean

__all__ = ["check_names", "check_target"]


def check_names(
    given: Collection[str], known: Iterable[str], *, where: str, what: str, among: str, kind: type = tuple
) -> None:
    """See that names are those of something.

    :param where: what has the names, such as ``transform 'orders'``.
    :param what: the argument that they are given as.
    :param among: what has the names that are known.
    :param kind: tuple or frozenset.
    :raises ConfigurationError: when they are of another kind, as a text is, whose letters would be the names;
        when there is none; and when one is not known.
    """
    names = list(known)
    there = f"{among}: {', '.join(names)}"
    if not isinstance(given, kind):
        listed = ", ".join(map(repr, [given] if isinstance(given, str) else given))
        written = f"({listed},)" if kind is tuple else f"{kind.__name__}({{{listed}}})"
        raise ConfigurationError(
            f"{what} is of type {type(given).__name__}", where=where, hint=f"Write it as {what}={written}."
        )
    if not given:
        raise ConfigurationError(f"{what} is empty", where=where, hint=f"Name some of {there}.")
    if unknown := sorted(name for name in given if name not in names):
        raise ConfigurationError(
            f"{what} has {', '.join(map(repr, unknown))}, which is none of {there}",
            where=where,
            hint=did_you_mean(unknown[0], names),
        )


def check_target(target: Table, tables: Iterable[Table], *, where: str) -> None:
    """See that a table that is filled is one that a full refresh empties.

    :param tables: those of the pipeline.
    :raises ConfigurationError: when it is not.
    """
    names = [table.name for table in tables]
    if target.name not in names:
        raise ConfigurationError(
            f"its target {target.name} is none of the tables of the pipeline: {', '.join(names)}",
            where=where,
            hint="Name it in tables: a full refresh empties those alone, and its rows would be there twice.",
        )
