"""Constructs with a separate text for every database, and no default text."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from sqlalchemy import (
    ClauseElement,
    ColumnElement,
    MetaData,
    SelectBase,
    Table,
    column,
    literal,
    literal_column,
    select,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import CompileError, UnsupportedCompilationError

from sparkify.databases import database_type, names
from sparkify.etl import constructs
from sparkify.etl.constructs import (
    CommentOnView,
    CreateTemporaryTable,
    CreateView,
    DropTables,
    DropView,
    elapsed_ms,
    epoch_ms,
    local_time,
    match_key,
    row_hash,
)

NAME: ColumnElement[str] = literal_column("name")
ACCENTED = "".join(
    chr(code)
    for low, high in (
        *((0xA0, 0x2AF), (0x2C6, 0x2C6), (0x2DC, 0x2DC), (0x300, 0x36F), (0x1E00, 0x1EFF)),
        *((0x2010, 0x2027), (0x2030, 0x203A), (0x20AC, 0x20AC), (0x2122, 0x2122), (0xFFFD, 0xFFFD)),
        *((0x2C62, 0x2C62), (0x2C64, 0x2C66), (0x2C6D, 0x2C70), (0x2C7E, 0x2C7F), (0xA78D, 0xA78D)),
        *((0xA7AA, 0xA7AE), (0xA7B0, 0xA7B2), (0xA7C5, 0xA7C5), (0xA7CB, 0xA7CB), (0xA7DC, 0xA7DC)),
        (0x212B, 0x212B),
    )
    for code in range(low, high + 1)
)
"""What is dropped of a name beyond ASCII, without control characters."""
CONTROLS = (
    "c280c281c282c283c284c285c286c287c288c289c28ac28bc28cc28dc28ec28f"
    "c290c291c292c293c294c295c296c297c298c299c29ac29bc29cc29dc29ec29f"
)
"""U+0080 to U+009F in UTF-8."""
CONSTRUCTS: dict[str, ColumnElement[Any]] = {
    "match_key": match_key(NAME),
    "epoch_ms": epoch_ms(literal_column("ts")),
    "elapsed_ms": elapsed_ms(literal_column("a"), literal_column("b")),
    "local_time": local_time(literal_column("'Europe/Berlin'"), literal_column("a")),
    "row_hash": row_hash(literal_column("a"), literal_column("b")),
}
A, B = (Table(name, MetaData()) for name in ("a", "order"))
OF_ORDERS: SelectBase = select(column("id").label("number"), literal("it's").label("text")).select_from(B)
STATEMENTS: dict[str, ClauseElement] = {
    "CommentOnView": CommentOnView("user", "it's a view", {"from": "100 %"}, schema="stage"),
    "CreateTemporaryTable": CreateTemporaryTable(B, select(NAME)),
    "CreateView": CreateView("user", OF_ORDERS, schema="stage"),
    "DropTables": DropTables(A, B),
    "DropView": DropView("user", schema="stage"),
}
EXPECTED = {
    ("CommentOnView", "duckdb"): (
        """COMMENT ON VIEW "user" IS 'it''s a view'; COMMENT ON COLUMN "user"."from" IS '100 %'"""
    ),
    ("CommentOnView", "redshift"): """COMMENT ON VIEW stage."user" IS 'it''s a view'""",
    ("CreateView", "duckdb"): """CREATE VIEW "user" AS SELECT id AS number, 'it''s' AS text FROM "order\"""",
    ("CreateView", "redshift"): (
        """CREATE VIEW stage."user" AS SELECT id AS number, 'it''s' AS text FROM stage."order" """
        "WITH NO SCHEMA BINDING"
    ),
    ("DropView", "duckdb"): 'DROP VIEW "user"',
    ("DropView", "redshift"): 'DROP VIEW stage."user"',
    ("CreateTemporaryTable", "duckdb"): 'CREATE TEMPORARY TABLE "order" AS SELECT name',
    ("CreateTemporaryTable", "redshift"): 'CREATE TEMPORARY TABLE "order" AS SELECT name',
    ("DropTables", "duckdb"): 'DROP TABLE a; DROP TABLE "order"',
    ("DropTables", "redshift"): 'DROP TABLE a, "order"',
    ("match_key", "duckdb"): (
        r"lower(replace(regexp_replace(name, '[\x00-/:-@\[-`{-\x7f\x{80}-\x{2af}\x{2c6}-\x{2c6}\x{2dc}-\x{2dc}"
        r"\x{300}-\x{36f}\x{1e00}-\x{1eff}\x{2010}-\x{2027}\x{2030}-\x{203a}\x{20ac}-\x{20ac}"
        r"\x{2122}-\x{2122}\x{fffd}-\x{fffd}\x{2c62}-\x{2c62}\x{2c64}-\x{2c66}\x{2c6d}-\x{2c70}"
        r"\x{2c7e}-\x{2c7f}\x{a78d}-\x{a78d}\x{a7aa}-\x{a7ae}\x{a7b0}-\x{a7b2}\x{a7c5}-\x{a7c5}"
        r"\x{a7cb}-\x{a7cb}\x{a7dc}-\x{a7dc}\x{212b}-\x{212b}]', '', 'g'), "
        "'\u03c2', '\u03c3'))"
    ),
    ("match_key", "redshift"): (
        f"lower(regexp_replace(translate(name, '\u03c2{ACCENTED}' || FROM_VARBYTE(FROM_HEX('{CONTROLS}'), "
        "'utf8'), '\u03c3'), '[ -/:-@[-`{-~[:cntrl:]]', ''))"
    ),
    ("epoch_ms", "duckdb"): "make_timestamp(CAST(ts AS BIGINT) * 1000)",
    ("epoch_ms", "redshift"): (
        "DATEADD(millisecond, CAST(MOD(CAST(ts AS BIGINT), 86400000) AS INTEGER), "
        "DATEADD(day, CAST((CAST(ts AS BIGINT) - MOD(CAST(ts AS BIGINT), 86400000)) / 86400000 AS INTEGER), "
        "TIMESTAMP '1970-01-01'))"
    ),
    ("row_hash", "duckdb"): "CAST(hash(a, b) >> 1 AS BIGINT)",
    ("row_hash", "redshift"): (
        "FNV_HASH(CASE WHEN a IS NULL THEN '-' ELSE CAST(FNV_HASH(a) AS VARCHAR) END || '.' || "
        "CASE WHEN b IS NULL THEN '-' ELSE CAST(FNV_HASH(b) AS VARCHAR) END)"
    ),
    ("elapsed_ms", "duckdb"): "date_diff('millisecond', a, b)",
    ("elapsed_ms", "redshift"): "DATEDIFF(millisecond, a, b)",
    ("local_time", "duckdb"): "timezone('Europe/Berlin', timezone('UTC', a))",
    ("local_time", "redshift"): "CONVERT_TIMEZONE('UTC', 'Europe/Berlin', a)",
}


@pytest.mark.parametrize("database", names())
@pytest.mark.parametrize("name", sorted(CONSTRUCTS))
def test_construct_has_a_text_for_every_database(name: str, database: str) -> None:
    text = database_type(database).render(select(CONSTRUCTS[name].label("x")))
    assert text == f"SELECT {EXPECTED[name, database]} AS x"


@pytest.mark.parametrize("database", names())
@pytest.mark.parametrize("name", sorted(STATEMENTS))
def test_statement_has_a_text_for_every_database(name: str, database: str) -> None:
    text = " ".join(database_type(database).render(STATEMENTS[name]).split())
    assert text == EXPECTED[name, database]


def test_both_letters_of_a_pair_are_dropped_or_neither_is() -> None:
    """Over all of Unicode. Of those four letters the other one is Greek or of ASCII."""
    dropped = {chr(code) for low, high in constructs.ACCENTED for code in range(low, high + 1)}
    alone = {
        (letter, other)
        for letter in map(chr, range(0x80, sys.maxunicode + 1))
        for other in {letter.lower(), letter.upper()}
        if len(other) == 1 and (letter in dropped) != (other in dropped)
    }
    assert alone == {("\u00b5", "\u039c"), ("\u0131", "I"), ("\u017f", "S"), ("\u0345", "\u0399")}


def test_view_without_schema_is_refused_on_redshift() -> None:
    with pytest.raises(CompileError, match="view v: Redshift needs the schema of its tables"):
        database_type("redshift").render(CreateView("v", OF_ORDERS))


@pytest.mark.parametrize("name", sorted(CONSTRUCTS | STATEMENTS))
def test_construct_has_no_text_for_another_dialect(name: str) -> None:
    with pytest.raises(UnsupportedCompilationError):
        (CONSTRUCTS | STATEMENTS)[name].compile(dialect=postgresql.dialect())


def test_every_construct_is_tried_here() -> None:
    classes = {name for name in constructs.__all__ if isinstance(getattr(constructs, name), type)}
    assert classes == set(CONSTRUCTS | STATEMENTS)
