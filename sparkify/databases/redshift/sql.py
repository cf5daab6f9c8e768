"""Redshift's SQL for the constructs of :mod:`sparkify.etl.constructs`."""

from __future__ import annotations

from typing import Any

from sqlalchemy import String
from sqlalchemy.exc import CompileError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import DDLCompiler, SQLCompiler

# Makes the names of Redshift's options known too, before a pipeline's models use one.
import sparkify.redshift.options  # noqa: F401
from sparkify.etl.constructs import (
    ACCENTED,
    FINAL_SIGMA,
    SIGMA,
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
from sparkify.etl.ranges import StagedLimit, limit_text


@compiles(CreateTemporaryTable, "redshift")
def _create_temporary_table(element: CreateTemporaryTable, compiler: SQLCompiler, **kw: Any) -> str:
    name = compiler.preparer.format_table(element.table)
    return f"CREATE TEMPORARY TABLE {name} AS {compiler.process(element.rows, **kw)}"


@compiles(DropTables, "redshift")
def _drop_tables(element: DropTables, compiler: SQLCompiler, **kw: Any) -> str:
    return f"DROP TABLE {', '.join(compiler.preparer.format_table(table) for table in element.tables)}"


@compiles(CreateView, "redshift")
def _create_view(element: CreateView, compiler: DDLCompiler, **kw: Any) -> str:
    # A view that is bound to its tables keeps them from being dropped, rebuilt or renamed. A late-binding one
    # must name each table with its schema (AWS: CREATE VIEW, WITH NO SCHEMA BINDING).
    if element.schema is None:
        raise CompileError(f"view {element.name}: Redshift needs the schema of its tables; give schema")
    rows = element.rows.compile(
        dialect=compiler.dialect,
        schema_translate_map={None: element.schema},
        render_schema_translate=True,
        compile_kwargs={"literal_binds": True},
    )
    return f"CREATE VIEW {_view(element, compiler)} AS {rows} WITH NO SCHEMA BINDING"


@compiles(DropView, "redshift")
def _drop_view(element: DropView, compiler: DDLCompiler, **kw: Any) -> str:
    return f"DROP VIEW {_view(element, compiler)}"


@compiles(CommentOnView, "redshift")
def _comment_on_view(element: CommentOnView, compiler: DDLCompiler, **kw: Any) -> str:
    # Its columns get none: they are not in the catalogue (AWS: PG_GET_LATE_BINDING_VIEW_COLS).
    text = compiler.sql_compiler.render_literal_value(element.comment, String())
    return f"COMMENT ON VIEW {_view(element, compiler)} IS {text}"


def _view(element: CreateView | DropView | CommentOnView, compiler: DDLCompiler) -> str:
    quote = compiler.preparer.quote
    return f"{quote(element.schema)}.{quote(element.name)}" if element.schema else quote(element.name)


_DROPPED = [chr(code) for low, high in ACCENTED for code in range(low, high + 1)]
_ACCENTED = "".join(one for one in _DROPPED if not "\x80" <= one <= "\x9f")
# Control characters, which a terminal would obey in printed SQL. CHR covers only ASCII (AWS: CHR function).
_CONTROLS = "".join(one for one in _DROPPED if "\x80" <= one <= "\x9f").encode().hex()
_TRANSLATED = f"'{FINAL_SIGMA}{_ACCENTED}' || FROM_VARBYTE(FROM_HEX('{_CONTROLS}'), 'utf8')"
_PUNCTUATION = "[ -/:-@[-`{-~[:cntrl:]]"


@compiles(match_key, "redshift")
def _match_key(element: match_key, compiler: SQLCompiler, **kw: Any) -> str:
    # TRANSLATE works on characters. AWS does not say whether a range in a regular expression means characters
    # or bytes, so the pattern has only ASCII. REGEXP_REPLACE replaces every occurrence (AWS: REGEXP_REPLACE
    # function). Of the characters given to TRANSLATE the first has a replacement; the others are removed.
    name = compiler.process(element.clauses, **kw)
    return f"lower(regexp_replace(translate({name}, {_TRANSLATED}, '{SIGMA}'), '{_PUNCTUATION}', ''))"


@compiles(epoch_ms, "redshift")
def _epoch_ms(element: epoch_ms, compiler: SQLCompiler, **kw: Any) -> str:
    # With integers: an interval times a quotient is computed in doubles, which may be off by a millisecond. In
    # two steps: DATEADD takes an INTEGER (AWS: DATEADD function), too small for these milliseconds.
    milliseconds = f"CAST({compiler.process(element.clauses, **kw)} AS BIGINT)"
    rest = f"MOD({milliseconds}, 86400000)"
    day = f"DATEADD(day, CAST(({milliseconds} - {rest}) / 86400000 AS INTEGER), TIMESTAMP '1970-01-01')"
    return f"DATEADD(millisecond, CAST({rest} AS INTEGER), {day})"


@compiles(elapsed_ms, "redshift")
def _elapsed_ms(element: elapsed_ms, compiler: SQLCompiler, **kw: Any) -> str:
    return f"DATEDIFF(millisecond, {compiler.process(element.clauses, **kw)})"


@compiles(local_time, "redshift")
def _local_time(element: local_time, compiler: SQLCompiler, **kw: Any) -> str:
    return f"CONVERT_TIMEZONE('UTC', {compiler.process(element.clauses, **kw)})"


@compiles(row_hash, "redshift")
def _row_hash(element: row_hash, compiler: SQLCompiler, **kw: Any) -> str:
    # AWS does not say what FNV_HASH returns for NULL (AWS: FNV_HASH function). Hashes are joined rather than
    # values, since each value may be as long as a VARCHAR can be.
    values = [compiler.process(value, **kw) for value in element.clauses]
    hashes = [
        f"CASE WHEN {value} IS NULL THEN '-' ELSE CAST(FNV_HASH({value}) AS VARCHAR) END" for value in values
    ]
    joined = " || '.' || ".join(hashes)
    return f"FNV_HASH({joined})"


@compiles(StagedLimit, "redshift")
def _staged_limit(element: StagedLimit, compiler: SQLCompiler, **kw: Any) -> str:
    return limit_text(element, compiler, **kw)
