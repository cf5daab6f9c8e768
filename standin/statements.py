"""Classify a statement: passed on, run by the stand-in, a transaction's begin or end, or an error."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from . import ddl, queries
from .copy_command import copy
from .errors import RedshiftError, not_emulated, not_supported, syntax_error
from .merge import merge
from .tokens import Cursor, Token, literal, quote_path, tokenize
from .unload import unload

if TYPE_CHECKING:
    from .session import Session

Block = Literal["any", "refused", "commits"]


@dataclass(frozen=True)
class Pass:
    """Goes to PostgreSQL with the extended protocol, with its parameters."""

    sql: str
    verb: str
    target: tuple[str, ...] | None = None
    insert: queries.Insert | None = None
    source: tuple[str, ...] | None = None  # of a MERGE: must be a table


@dataclass
class Action:
    """Is run by the stand-in, in the caller's transaction or in its own; returns its command tag."""

    verb: str
    run: Callable[[Session], str]
    block: Block = "any"
    refusal: str = ""
    target: tuple[str, ...] | None = None


@dataclass
class Transaction:
    """Begins or ends a transaction."""

    verb: Literal["BEGIN", "BEGIN READ ONLY", "COMMIT", "ROLLBACK"]


Plan = Pass | Action | Transaction

_QUERIES = ("SELECT", "WITH", "INSERT", "UPDATE", "DELETE", "VALUES")
# recognizes most of them without reading the rest
_QUERY = re.compile(rf"[\s(]*({'|'.join(_QUERIES)})\b", re.IGNORECASE)

_NO_INDEX = ("INDEX", "SEQUENCE", "TRIGGER", "RULE", "DOMAIN", "TYPE", "EXTENSION", "AGGREGATE", "OPERATOR")
_UNEMULATED = ("MATERIALIZED", "EXTERNAL", "FUNCTION", "PROCEDURE", "LIBRARY", "MODEL", "DATASHARE")
_PASSED = ("SCHEMA", "USER", "GROUP", "ROLE", "DATABASE", "VIEW", "DEFAULT")
# settings of Redshift that PostgreSQL lacks: accepted, without effect
_IGNORED_SETTINGS = frozenset(
    [
        "query_group",
        "wlm_query_slot_count",
        "enable_result_cache_for_session",
        "analyze_threshold_percent",
        "describe_field_name_in_uppercase",
        "error_on_nondeterministic_update",
        "json_serialization_enable",
        "json_serialization_parse_nested_strings",
        "spectrum_enable_enhanced_vpc_routing",
        "use_fips_ssl",
        "enable_vacuum_boost",
        "mv_enable_aqmv_for_session",
        "max_concurrency_scaling_clusters",
    ]
)


def plan(sql: str) -> Plan:
    """What to do with a statement.

    :raises RedshiftError: for what Redshift would refuse, or the stand-in does not emulate.
    """
    if _QUERY.match(sql):
        return _query(sql)
    tokens = tokenize(sql)
    while tokens and tokens[-1].text == ";":
        tokens.pop()
    if not tokens:
        return Pass(sql, "")
    first = next((t for t in tokens if t.text != "("), tokens[0])
    if first.is_word(*_QUERIES):
        return _query(sql)
    if first.is_word("MERGE"):
        merged = merge(sql)
        if merged.run is not None:
            return Action("MERGE", merged.run, target=merged.target)
        return Pass(merged.sql, "MERGE", merged.target, merged.insert, merged.source)
    _one_statement(tokens)
    if first.is_word("EXPLAIN"):
        at = 2 if len(tokens) > 1 and tokens[1].is_word("VERBOSE") else 1
        if at >= len(tokens):
            raise RedshiftError("42601", "syntax error at end of input")
        _no_binds(tokens)
        if not tokens[at].is_word("SELECT", "WITH", "INSERT", "UPDATE", "DELETE"):
            raise not_emulated(f"EXPLAIN {tokens[at].upper}")
        text = queries.query(sql[tokens[at].start :]).sql
        return Pass(f'SELECT rs.explain($explained${text}$explained$) AS "QUERY PLAN"', "EXPLAIN")
    _no_binds(tokens)
    handler = _HANDLERS.get(first.upper)
    if handler is None or first is not tokens[0]:
        raise syntax_error(first.text)
    return handler(sql, Cursor(sql, tokens))


@lru_cache(maxsize=2000)
def _query(sql: str) -> Pass:
    """The plan of a query or DML, cached: clients send the same ones again and again."""
    found = queries.query(sql)
    return Pass(found.sql, found.verb, found.target, found.insert)


def _one_statement(tokens: list[Token]) -> None:
    if any(t.kind == "op" and t.text == ";" for t in tokens):
        raise RedshiftError("42601", "cannot insert multiple commands into a prepared statement")


def _no_binds(tokens: list[Token]) -> None:
    """Only queries and DML take parameters; anywhere else the parser stops at the first."""
    for token in tokens:
        if token.kind == "param":
            raise syntax_error(token.text)


def _begin(_sql: str, cursor: Cursor) -> Plan:
    if not cursor.accept("BEGIN"):
        cursor.expect("START", "TRANSACTION")
    cursor.accept("TRANSACTION")
    cursor.accept("WORK")
    read_only = False
    while not cursor.done:
        if cursor.accept("ISOLATION", "LEVEL"):
            if not (
                cursor.accept("SERIALIZABLE")
                or cursor.accept("REPEATABLE", "READ")
                or cursor.accept("READ", "COMMITTED")
                or cursor.accept("READ", "UNCOMMITTED")
            ):
                raise cursor.unexpected()
        elif cursor.accept("READ", "ONLY"):
            read_only = True
        elif not (cursor.accept("READ", "WRITE") or cursor.accept(",")):
            raise cursor.unexpected()
    return Transaction("BEGIN READ ONLY" if read_only else "BEGIN")


def _commit(_sql: str, cursor: Cursor) -> Plan:
    cursor.next()
    if not cursor.accept("TRANSACTION"):
        cursor.accept("WORK")
    if cursor.sees("PREPARED"):
        raise not_supported("PREPARE TRANSACTION is not supported")
    cursor.finish()
    return Transaction("COMMIT")


def _rollback(_sql: str, cursor: Cursor) -> Plan:
    cursor.next()
    if not cursor.accept("TRANSACTION"):
        cursor.accept("WORK")
    if cursor.sees("TO"):
        raise not_supported('SQL command "ROLLBACK TO SAVEPOINT" not supported on Redshift tables.')
    cursor.finish()
    return Transaction("ROLLBACK")


def _savepoint(sql: str, _cursor: Cursor) -> Plan:
    raise not_supported(f'SQL command "{sql.strip().rstrip(";")}" not supported on Redshift tables.')


def _create(sql: str, cursor: Cursor) -> Plan:
    words = [t.upper for t in cursor.tokens[1:4]] + ["", "", ""]
    if words[0] in ("TABLE", "TEMP", "TEMPORARY") or words[0] == "LOCAL":
        return Action("CREATE TABLE", ddl.create_table(cursor))
    if words[0] == "VIEW" or words[:3] == ["OR", "REPLACE", "VIEW"]:
        return Action("CREATE VIEW", ddl.create_view(cursor))
    return _other_object(sql, cursor, words)


def _drop(sql: str, cursor: Cursor) -> Plan:
    if cursor.sees("DROP", "TABLE"):
        return Action("DROP TABLE", ddl.drop_table(cursor))
    return _other_object(sql, cursor, [t.upper for t in cursor.tokens[1:4]] + ["", "", ""])


def _alter(sql: str, cursor: Cursor) -> Plan:
    if not cursor.sees("ALTER", "TABLE"):
        return _other_object(sql, cursor, [t.upper for t in cursor.tokens[1:4]] + ["", "", ""])
    run, refusal = ddl.alter_table(cursor)
    return Action("ALTER TABLE", run, "refused" if refusal else "any", refusal or "")


def _other_object(sql: str, cursor: Cursor, words: list[str]) -> Plan:
    """CREATE, ALTER and DROP of objects other than tables and views."""
    word = words[1] if words[0] in ("UNIQUE", "OR", "EXTERNAL") and words[1] != "REPLACE" else words[0]
    if words[:2] == ["OR", "REPLACE"]:
        word = words[2]
    if word in _NO_INDEX:
        raise not_supported(f'SQL command "{sql.strip().rstrip(";")}" not supported on Redshift tables.')
    if word in _UNEMULATED or words[0] == "EXTERNAL":
        raise not_emulated(f"{cursor.tokens[0].upper} {word}")
    if word in _PASSED:
        if word == "DATABASE":
            raise not_emulated("CREATE, ALTER and DROP DATABASE; use Standin.create_database")
        return Pass(sql, cursor.tokens[0].upper)
    raise syntax_error(cursor.tokens[1].text if len(cursor.tokens) > 1 else cursor.tokens[0].text)


def _truncate(_sql: str, cursor: Cursor) -> Plan:
    path, run = ddl.truncate(cursor)
    return Action("TRUNCATE", run, "commits", target=path)


def _vacuum(_sql: str, cursor: Cursor) -> Plan:
    cursor.expect("VACUUM")
    for words in (("FULL",), ("SORT", "ONLY"), ("DELETE", "ONLY"), ("REINDEX",), ("RECLUSTER",)):
        if cursor.accept(*words):
            break
    path = None if cursor.done or cursor.sees("BOOST") else cursor.qualified_name()
    if cursor.accept("TO"):
        cursor.integer()
        cursor.expect("PERCENT")
    cursor.accept("BOOST")
    cursor.finish()

    def run(session: Session) -> str:
        if path is not None:
            session.backend.query(f"SELECT {literal(quote_path(path))}::regclass")
        return "VACUUM"

    return Action("VACUUM", run, "refused", "VACUUM cannot run inside a transaction block")


def _analyze(_sql: str, cursor: Cursor) -> Plan:
    cursor.expect("ANALYZE")
    if cursor.sees("COMPRESSION"):
        raise not_emulated("ANALYZE COMPRESSION")
    cursor.accept("VERBOSE")
    path = None
    if not cursor.done:
        path = cursor.qualified_name()
        if cursor.sees("("):
            cursor.names()
        elif not cursor.accept("PREDICATE", "COLUMNS"):
            cursor.accept("ALL", "COLUMNS")
    cursor.finish()

    def run(session: Session) -> str:
        if path is not None:
            session.backend.query(f"SELECT {literal(quote_path(path))}::regclass")
        return "ANALYZE"

    return Action("ANALYZE", run)


def _lock(_sql: str, cursor: Cursor) -> Plan:
    cursor.expect("LOCK")
    cursor.accept("TABLE")
    paths = [cursor.qualified_name()]
    while cursor.accept(","):
        paths.append(cursor.qualified_name())
    cursor.finish()  # Redshift has one mode, so none is named
    # This takes no snapshot: LOCK is not in Redshift's list of statements that take one.
    return Pass(f"LOCK TABLE {', '.join(quote_path(p) for p in paths)} IN ACCESS EXCLUSIVE MODE", "LOCK")


def _set(sql: str, cursor: Cursor) -> Plan:
    if cursor.sees("SET", "SESSION", "CHARACTERISTICS") or cursor.sees("SET", "TRANSACTION"):
        return _nothing("SET")
    if cursor.sees("SET", "SESSION", "AUTHORIZATION"):
        return Pass(sql, "SET")
    cursor.expect("SET")
    if not cursor.accept("SESSION"):
        cursor.accept("LOCAL")
    if cursor.accept("TIME", "ZONE"):
        return Pass(sql, "SET")
    name = ".".join(cursor.qualified_name())
    if not cursor.accept("TO"):
        cursor.expect("=")
    values = [t.value if t.kind == "string" else t.name for t in cursor.tokens[cursor.at :] if t.text != ","]
    if name in _IGNORED_SETTINGS:
        return _nothing("SET")
    if name == "enable_case_sensitive_identifier":
        if values not in (["off"], ["false"]):
            raise not_emulated("enable_case_sensitive_identifier")
        return _nothing("SET")
    if name == "search_path":
        path = cursor.text(cursor.at, len(cursor.tokens))
        return Pass(f"SET search_path TO {path}, rs, pg_catalog", "SET")
    if name == "statement_timeout":
        return Action("SET", lambda session: session.set_timeout(values[0] if values else "0"))
    return Pass(sql, "SET")


def _nothing(tag: str) -> Action:
    return Action(tag, lambda _session: tag)


def _show(sql: str, cursor: Cursor) -> Plan:
    cursor.expect("SHOW")
    words = [t.upper for t in cursor.tokens[1:]]
    answers = {
        "TRANSACTION ISOLATION LEVEL": ("transaction_isolation", "serializable"),
        "TRANSACTION_ISOLATION": ("transaction_isolation", "serializable"),
        "SERVER_VERSION": ("server_version", "8.0.2"),
        "ENABLE_CASE_SENSITIVE_IDENTIFIER": ("enable_case_sensitive_identifier", "off"),
    }
    if (answer := answers.get(" ".join(words))) is not None:
        return Pass(f"SELECT {literal(answer[1])}::varchar AS {answer[0]}", "SHOW")
    if words == ["SEARCH_PATH"]:
        path = "replace(current_setting('search_path'), ', rs, pg_catalog', '')"
        return Pass(f"SELECT {path} AS search_path", "SHOW")
    if words == ["STANDARD_CONFORMING_STRINGS"]:
        raise RedshiftError("42704", 'unrecognized configuration parameter "standard_conforming_strings"')
    if words[:1] in (["TABLES"], ["COLUMNS"], ["SCHEMAS"], ["DATABASES"], ["TABLE"], ["VIEW"]):
        raise not_emulated(f"SHOW {words[0]}")
    return Pass(sql, "SHOW")


def _passed(sql: str, cursor: Cursor) -> Plan:
    return Pass(queries.expression(sql, cursor.tokens), cursor.tokens[0].upper)


def _grant(sql: str, cursor: Cursor) -> Plan:
    """GRANT and REVOKE. PostgreSQL accepts GROUP before a name, as Redshift does, but not ROLE: removed."""
    roles = [
        token
        for before, token in zip(cursor.tokens, cursor.tokens[1:], strict=False)
        if token.is_word("ROLE") and before.text.upper() in ("TO", "FROM", ",")
    ]
    for token in reversed(roles):
        sql = sql[: token.start] + sql[token.end :]
    tokens = tokenize(sql)
    return Pass(queries.expression(sql, tokens), tokens[0].upper)


def _comment(sql: str, cursor: Cursor) -> Plan:
    if not cursor.sees("COMMENT", "ON", "CONSTRAINT"):
        return _passed(sql, cursor)
    # Constraints are kept by the stand-in, so PostgreSQL would not find them. Nothing reads these comments.
    cursor.expect("COMMENT", "ON", "CONSTRAINT")
    name = cursor.name()
    cursor.expect("ON")
    rel = literal(quote_path(cursor.qualified_name()))
    return Pass(f"SELECT rs.check_constraint({rel}::regclass, {literal(name)})", "COMMENT")


def _declare(sql: str, cursor: Cursor) -> Plan:
    cursor.expect("DECLARE")
    name = cursor.name()
    cursor.expect("CURSOR", "FOR")
    body = queries.query(sql[cursor.tokens[cursor.at].start :]).sql
    return Pass(f"DECLARE {quote_path([name])} CURSOR FOR {body}", "DECLARE")


def _copy(sql: str, cursor: Cursor) -> Plan:
    command = copy(cursor)
    return Action("COPY", command.run, target=command.table)


def _unload(sql: str, cursor: Cursor) -> Plan:
    return Action("UNLOAD", unload(cursor).run)


_HANDLERS: dict[str, Callable[[str, Cursor], Plan]] = {
    "BEGIN": _begin,
    "START": _begin,
    "COMMIT": _commit,
    "END": _commit,
    "ROLLBACK": _rollback,
    "ABORT": _rollback,
    "SAVEPOINT": _savepoint,
    "RELEASE": _savepoint,
    "CREATE": _create,
    "DROP": _drop,
    "ALTER": _alter,
    "TRUNCATE": _truncate,
    "VACUUM": _vacuum,
    "ANALYZE": _analyze,
    "ANALYSE": _analyze,
    "LOCK": _lock,
    "SET": _set,
    "RESET": _passed,
    "SHOW": _show,
    "COMMENT": _comment,
    "GRANT": _grant,
    "REVOKE": _grant,
    "DECLARE": _declare,
    "FETCH": _passed,
    "CLOSE": _passed,
    "DEALLOCATE": _passed,
    "COPY": _copy,
    "UNLOAD": _unload,
}
