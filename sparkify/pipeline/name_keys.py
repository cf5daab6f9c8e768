"""Checks that the stored keys by which names are matched are the keys of those names."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlalchemy import ColumnElement, SelectBase, Table, or_, select

from sparkify.etl.constructs import differs, match_key
from sparkify.etl.declarations import Check
from sparkify.models import tables
from sparkify.pipeline.hints import REBUILD

__all__ = ["NAME_KEYS"]


def _keys_of_names(table: Table, names: Mapping[str, str]) -> Callable[[ColumnElement[int] | None], SelectBase]:
    """Rows in which a stored key is not the key of its name.

    :param names: for each key column, the column of the name.
    """

    def rows(_load_id: ColumnElement[int] | None) -> SelectBase:
        wrong = or_(*(differs(table.c[key], match_key(table.c[name])) for key, name in names.items()))
        found = select(*table.primary_key.columns, *(table.c[key] for key in names)).where(wrong)
        return found.where(~table.c.inferred) if "inferred" in table.c else found

    return rows


NAME_KEYS: tuple[Check, ...] = tuple(
    Check(
        name=f"{table.name}: {', '.join(names)} as the names have it",
        rows=_keys_of_names(table, names),
        during_load=False,
        hint=REBUILD,
    )
    for table, names in (
        (tables.songs, {"title_key": "title", "artist_key": "artist_name"}),
        (tables.artists, {"name_key": "name"}),
        (tables.song_matches, {"artist_key": "artist_name"}),
    )
)
"""The checks of the name keys of songs, artists and matches in the whole warehouse."""
