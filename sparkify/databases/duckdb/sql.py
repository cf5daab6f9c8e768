"""The SQL of DuckDB for the constructs of :mod:`sparkify.etl.constructs`."""

from __future__ import annotations

from typing import Any

from sqlalchemy import String
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import DDLCompiler, SQLCompiler

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


@compiles(CreateTemporaryTable, "duckdb")
def _create_temporary_table(element: CreateTemporaryTable, compiler: SQLCompiler, **kw: Any) -> str:
    name = compiler.preparer.format_table(element.table)
    return f"CREATE TEMPORARY TABLE {name} AS {compiler.process(element.rows, **kw)}"


@compiles(DropTables, "duckdb")
def _drop_tables(element: DropTables, compiler: SQLCompiler, **kw: Any) -> str:
    # DuckDB drops only one table per DROP.
    return "; ".join(f"DROP TABLE {compiler.preparer.format_table(table)}" for table in element.tables)


@compiles(CreateView, "duckdb")
def _create_view(element: CreateView, compiler: DDLCompiler, **kw: Any) -> str:
    # DuckDB looks up the tables when the view is read, and records no dependency.
    rows = compiler.sql_compiler.process(element.rows, literal_binds=True)
    return f"CREATE VIEW {compiler.preparer.quote(element.name)} AS {rows}"


@compiles(DropView, "duckdb")
def _drop_view(element: DropView, compiler: DDLCompiler, **kw: Any) -> str:
    return f"DROP VIEW {compiler.preparer.quote(element.name)}"


@compiles(CommentOnView, "duckdb")
def _comment_on_view(element: CommentOnView, compiler: DDLCompiler, **kw: Any) -> str:
    view = compiler.preparer.quote(element.name)
    comments = {f"VIEW {view}": element.comment} | {
        f"COLUMN {view}.{compiler.preparer.quote(name)}": text for name, text in element.columns.items()
    }
    return "; ".join(f"COMMENT ON {what} IS {_text(text, compiler)}" for what, text in comments.items())


def _text(value: str, compiler: DDLCompiler) -> str:
    return compiler.sql_compiler.render_literal_value(value, String())


_DROPPED = r"[\x00-/:-@\[-`{-\x7f" + "".join(rf"\x{{{low:x}}}-\x{{{high:x}}}" for low, high in ACCENTED) + "]"


@compiles(match_key, "duckdb")
def _match_key(element: match_key, compiler: SQLCompiler, **kw: Any) -> str:
    # DuckDB's REGEXP_REPLACE replaces only the first occurrence by default.
    kept = f"regexp_replace({compiler.process(element.clauses, **kw)}, '{_DROPPED}', '', 'g')"
    return f"lower(replace({kept}, '{FINAL_SIGMA}', '{SIGMA}'))"


@compiles(epoch_ms, "duckdb")
def _epoch_ms(element: epoch_ms, compiler: SQLCompiler, **kw: Any) -> str:
    return f"make_timestamp(CAST({compiler.process(element.clauses, **kw)} AS BIGINT) * 1000)"


@compiles(elapsed_ms, "duckdb")
def _elapsed_ms(element: elapsed_ms, compiler: SQLCompiler, **kw: Any) -> str:
    return f"date_diff('millisecond', {compiler.process(element.clauses, **kw)})"


@compiles(local_time, "duckdb")
def _local_time(element: local_time, compiler: SQLCompiler, **kw: Any) -> str:
    zone, at = element.clauses
    return f"timezone({compiler.process(zone, **kw)}, timezone('UTC', {compiler.process(at, **kw)}))"


@compiles(row_hash, "duckdb")
def _row_hash(element: row_hash, compiler: SQLCompiler, **kw: Any) -> str:
    # The hash has 64 bits without a sign.
    return f"CAST(hash({compiler.process(element.clauses, **kw)}) >> 1 AS BIGINT)"


@compiles(StagedLimit, "duckdb")
def _staged_limit(element: StagedLimit, compiler: SQLCompiler, **kw: Any) -> str:
    return limit_text(element, compiler, **kw)
