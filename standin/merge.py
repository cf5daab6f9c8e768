"""MERGE in the only form that Redshift accepts; PostgreSQL's own MERGE does the work."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .errors import not_supported, syntax_error
from .queries import Insert, Renderer, is_system
from .tokens import Cursor, literal, quote_path, tokenize

if TYPE_CHECKING:
    from .session import Session


@dataclass(frozen=True)
class Merge:
    """A parsed MERGE: passed to PostgreSQL, or run step by step (REMOVE DUPLICATES)."""

    sql: str
    target: tuple[str, ...]
    source: tuple[str, ...]
    insert: Insert | None
    run: Callable[[Session], str] | None = None


def merge(sql: str) -> Merge:
    """Read MERGE.

    :raises RedshiftError: for what PostgreSQL's MERGE has and Redshift's lacks.
    """
    tokens = tokenize(sql)
    cursor = Cursor(sql, tokens)
    cursor.expect("MERGE", "INTO")
    target = cursor.qualified_name()
    if not cursor.sees("USING"):
        raise cursor.unexpected()  # an alias of the target
    cursor.expect("USING")
    if cursor.sees("("):
        raise not_supported("MERGE source must be a table; a subquery is not supported")
    source = cursor.qualified_name()
    if source == target or (source[-1] == target[-1] and len(source) != len(target)):
        raise not_supported("source and target of MERGE must not be the same table")
    if is_system(source) or is_system(target):
        raise not_supported("MERGE does not work on system tables")
    alias = source[-1]
    if cursor.accept("AS") or not cursor.sees("ON"):
        alias = cursor.name()
    cursor.expect("ON")
    start = cursor.at
    depth = 0
    while not cursor.done and not (depth == 0 and (cursor.sees("WHEN") or cursor.sees("REMOVE"))):
        token = cursor.next()
        depth += (token.text == "(") - (token.text == ")")
    condition = Renderer(sql, cursor.tokens, {}).range(start, cursor.at)
    if cursor.accept("REMOVE", "DUPLICATES"):
        cursor.finish()
        return Merge("", target, source, None, _remove_duplicates(target, source, alias, condition))
    cursor.expect("WHEN", "MATCHED", "THEN")
    if cursor.accept("UPDATE"):
        _assignments(cursor)
    elif not cursor.accept("DELETE"):
        raise cursor.unexpected()
    cursor.expect("WHEN", "NOT", "MATCHED", "THEN", "INSERT")
    columns = tuple(cursor.names()) if cursor.sees("(") else None
    cursor.expect("VALUES")
    cursor.skip_brackets()
    cursor.finish()
    rendered = Renderer(sql, cursor.tokens, {}).all()
    return Merge(rendered, target, source, Insert(columns, None, frozenset()))


def _assignments(cursor: Cursor) -> None:
    """Read ``SET column = expression, ...``; the column is unqualified."""
    cursor.expect("SET")
    while True:
        cursor.name()
        if cursor.sees("."):
            raise syntax_error(".")
        cursor.expect("=")
        depth = 0
        while not cursor.done and not (depth == 0 and (cursor.sees("WHEN") or cursor.sees(","))):
            token = cursor.next()
            depth += (token.text == "(") - (token.text == ")")
        if not cursor.accept(","):
            return


def check_source(session: Session, source: tuple[str, ...]) -> None:
    """Check that the source is a table.

    :raises RedshiftError: 0A000 for a view.
    """
    kind = session.backend.query(
        f"SELECT relkind FROM pg_catalog.pg_class WHERE oid = to_regclass({literal(quote_path(source))})"
    )
    if kind and kind[0][0] not in ("r", "t", "p"):
        raise not_supported("MERGE source must be a table; a view is not supported")


def _remove_duplicates(
    target: tuple[str, ...], source: tuple[str, ...], alias: str, condition: str
) -> Callable[[Session], str]:
    """Replace the rows that match, insert the others, and keep one of several equal rows."""

    def run(session: Session) -> str:
        check_source(session, source)
        as_alias = "" if alias == source[-1] else f" AS {quote_path([alias])}"
        into, rows = quote_path(target), quote_path(source)
        session.backend.query(
            f"CREATE TEMP TABLE rs_merge ON COMMIT DROP AS SELECT DISTINCT * FROM {rows};"
            f"DELETE FROM {into} USING {rows}{as_alias} WHERE {condition};"
            f"INSERT INTO {into} SELECT * FROM rs_merge; DROP TABLE rs_merge"
        )
        return "MERGE"

    return run
