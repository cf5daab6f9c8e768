"""ALTER of keys, styles and encodings: full text, and rejected cases."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import CompileError, UnsupportedCompilationError

from sparkify.redshift import AlterDistKey, AlterDistStyle, AlterEncode, AlterSortKey, render

plays = sa.Table(
    "songplays",
    sa.MetaData(),
    sa.Column("song_id", sa.String(32)),
    sa.Column("start_time", sa.DateTime),
    sa.Column("user", sa.Integer),
    schema="star",
)

TEXTS: dict[str, tuple[Any, str]] = {
    "style all": (AlterDistStyle(plays, "ALL"), "ALTER TABLE star.songplays ALTER DISTSTYLE ALL"),
    "style even": (AlterDistStyle("songplays", "EVEN"), "ALTER TABLE songplays ALTER DISTSTYLE EVEN"),
    "style auto": (
        AlterDistStyle("Song Plays", "AUTO", schema="star"),
        'ALTER TABLE star."Song Plays" ALTER DISTSTYLE AUTO',
    ),
    "dist key": (AlterDistKey(plays, "song_id"), "ALTER TABLE star.songplays ALTER DISTKEY song_id"),
    "dist key, quoted": (AlterDistKey(plays, plays.c.user), 'ALTER TABLE star.songplays ALTER DISTKEY "user"'),
    "sort key": (
        AlterSortKey(plays, ["start_time", plays.c.user]),
        'ALTER TABLE star.songplays ALTER SORTKEY (start_time, "user")',
    ),
    "sort key auto": (AlterSortKey(plays, "AUTO"), "ALTER TABLE star.songplays ALTER SORTKEY AUTO"),
    "sort key none": (AlterSortKey(plays, "NONE"), "ALTER TABLE star.songplays ALTER SORTKEY NONE"),
    "encode": (
        AlterEncode(plays, {"song_id": "zstd", "user": "az64"}),
        'ALTER TABLE star.songplays ALTER COLUMN song_id ENCODE zstd, ALTER COLUMN "user" ENCODE az64',
    ),
    "encode auto": (AlterEncode(plays, "AUTO"), "ALTER TABLE star.songplays ALTER ENCODE AUTO"),
}


@pytest.mark.parametrize("name", TEXTS)
def test_text(name: str) -> None:
    statement, expected = TEXTS[name]
    assert render(statement) == expected


REFUSED: dict[str, tuple[Any, str]] = {
    "style key": (lambda: AlterDistStyle(plays, "KEY"), "for KEY there is AlterDistKey"),  # type: ignore[arg-type]
    "no such dist key": (lambda: AlterDistKey(plays, "song"), "table star.songplays: no column named song"),
    "no such sort key": (lambda: AlterSortKey(plays, ["start_time", "song"]), "no column named song"),
    "no columns": (lambda: AlterSortKey(plays, []), "for none say 'NONE'"),
    "twice": (lambda: AlterSortKey(plays, ["user", "user"]), "a column is named twice"),
    "a name for a list": (lambda: AlterSortKey(plays, "user"), "'AUTO' or 'NONE', not 'user'"),
    "too many": (lambda: AlterSortKey("t", [f"c{n}" for n in range(401)]), "a sort key of 401 columns"),
    "encoding": (lambda: AlterEncode(plays, {"user": "zip"}), "column user: unknown encoding 'zip'"),
    "auto of a column": (lambda: AlterEncode(plays, {"user": "AUTO"}), "a property of the whole table"),
    "no encoding": (lambda: AlterEncode(plays, {}), "no column to encode"),
    "a name for a dict": (lambda: AlterEncode(plays, "zstd"), "not 'zstd'"),  # type: ignore[arg-type]
    "two schemas": (lambda: AlterDistKey(plays, "user", schema="s"), "give schema only with a name"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    make, sentence = REFUSED[name]
    with pytest.raises(CompileError) as raised:
        make()
    assert sentence in str(raised.value)


def test_it_is_executed_as_it_reads(driver: Any) -> None:
    with driver.engine().begin() as connection:
        connection.execute(AlterDistKey("plays", "100%"))
    assert driver.statements[-1] == 'ALTER TABLE plays ALTER DISTKEY "100%"'


def test_other_databases_have_nothing_of_it() -> None:
    with pytest.raises(UnsupportedCompilationError):
        str(AlterDistStyle(plays, "ALL"))
