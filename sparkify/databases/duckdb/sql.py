"""The texts that DuckDB has for the constructs of :mod:`sparkify.etl.constructs`."""

from __future__ import annotations

from typing import Any

from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler

from sparkify.etl.constructs import (
    CreateTemporaryTable,
    DropTables,
    ascii_key,
    elapsed_ms,
    epoch_ms,
    local_time,
)


@compiles(CreateTemporaryTable, "duckdb")
def _create_temporary_table(element: CreateTemporaryTable, compiler: SQLCompiler, **kw: Any) -> str:
    name = compiler.preparer.format_table(element.table)
    return f"CREATE TEMPORARY TABLE {name} AS {compiler.process(element.rows, **kw)}"


@compiles(DropTables, "duckdb")
def _drop_tables(element: DropTables, compiler: SQLCompiler, **kw: Any) -> str:
    # DuckDB drops one table with each DROP.
    return "; ".join(f"DROP TABLE {compiler.preparer.format_table(table)}" for table in element.tables)


@compiles(ascii_key, "duckdb")
def _ascii_key(element: ascii_key, compiler: SQLCompiler, **kw: Any) -> str:
    # DuckDB's REGEXP_REPLACE replaces the first occurrence, unless told otherwise.
    return f"lower(regexp_replace({compiler.process(element.clauses, **kw)}, '[^a-zA-Z0-9]', '', 'g'))"


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
