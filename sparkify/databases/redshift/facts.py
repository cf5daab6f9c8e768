"""Questions that AWS's guide leaves open, put to a running cluster: in temporary tables that are rolled back.

None needs a superuser. The one question about COPY writes to S3, and what it writes is removed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import Connection, column, table
from sqlalchemy.exc import DBAPIError

from sparkify.databases.facts import Fact
from sparkify.databases.redshift.copying import CopyOptions
from sparkify.databases.redshift.objects import LoadObjects
from sparkify.etl.errors import SparkifyError
from sparkify.redshift import Copy, render

__all__ = ["cluster_facts"]

_LINES = b'{"id": 1}\n{"id": 2}\n\n{"id": 3}\n'
"""Three rows on four lines."""


class _Unanswered(Exception):
    """The cluster gave no answer. The message says why."""


def cluster_facts(connection: Connection, options: CopyOptions, objects: LoadObjects) -> Iterator[Fact]:
    """The answers of the cluster, question by question. Nothing is left behind.

    :param objects: where the lines of the question about COPY are written.
    """
    questions: list[tuple[str, Callable[[Connection], str], str]] = [
        (
            "What does SYS_LOAD_DETAIL say of a COPY inside its transaction?",
            lambda each: _load_detail(each, options, objects),
            "Unless it has 3 or 4 lines at once, a load asks for each file anew, and warns that it is slow.",
        ),
        (
            "Does the planner leave out a join on a declared key?",
            _dropped_join,
            "If so, a check for orphans by a LEFT JOIN finds none where the keys do not hold.",
        ),
        (
            "How many rows has SELECT DISTINCT of a declared key that is there twice?",
            _distinct_key,
            "If 2, a key that does not hold gives wrong answers: check after rows were written by hand.",
        ),
        (
            "Does a value from a subquery restrict the blocks that are read?",
            lambda each: _restricted_scan(each, "(SELECT MIN(n) FROM facts_bound)"),
            "If not, ranges of a load have to be literals, which costs a round trip.",
        ),
        (
            "Does a literal restrict the blocks that are read?",
            lambda each: _restricted_scan(each, "99000"),
            "If not, the question before says nothing.",
        ),
        (
            "Are milliseconds exact when an epoch is divided by 1000.0?",
            _epoch,
            "If not, only DATEADD on whole milliseconds may make a timestamp of one.",
        ),
        (
            "How is a temporary table distributed that CREATE TABLE AS makes of one with a DISTKEY?",
            _temporary_distribution,
            "If by the key, the joins of a load with its temporary tables move no rows.",
        ),
        (
            "May ALTER DISTKEY stand in a transaction?",
            _alter_in_transaction,
            "If not, migration 0006 needs autocommit.",
        ),
        (
            "Does the driver's parameter reach a subquery?",
            _parameter_in_subquery,
            "If so, values need not be written into the statements (sqlalchemy-redshift issue 265).",
        ),
    ]
    for question, ask, changes in questions:
        try:
            yield Fact(question, ask(connection), changes)
        except (_Unanswered, DBAPIError, SparkifyError) as exc:
            yield Fact(question, None, changes, _reason(exc))
        finally:
            connection.rollback()


def _reason(exc: Exception) -> str:
    if isinstance(exc, DBAPIError):
        fields = next((one for one in getattr(exc.orig, "args", ()) if isinstance(one, dict)), {})
        return str(fields.get("M") or str(exc.orig).splitlines()[0])
    return exc.found if isinstance(exc, SparkifyError) else str(exc)


def _run(connection: Connection, *statements: str) -> None:
    for statement in statements:
        connection.exec_driver_sql(statement)


def _rows(connection: Connection, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in connection.exec_driver_sql(query, parameters or None)]


def _load_detail(connection: Connection, options: CopyOptions, objects: LoadObjects) -> str:
    uri = objects.uri("facts.json")
    if uri is None:
        raise _Unanswered("needs MANIFEST_PREFIX, to write four lines for COPY")
    objects.write(uri, _LINES)
    _run(connection, "CREATE TEMPORARY TABLE facts_copied (id INTEGER)")
    copied = table("facts_copied", column("id"))
    _run(connection, render(Copy(copied, from_=uri, iam_role=options.iam_role, region=options.region)))
    ((count,),) = _rows(connection, "SELECT pg_last_copy_count()")
    found = _rows(
        connection,
        "SELECT lines_scanned FROM sys_load_detail WHERE query_id = pg_last_copy_id()",
    )
    lines = ", ".join(str(row[0]) for row in found)
    return f"{count} rows copied from 4 lines, one of them blank; lines_scanned is {lines or 'not there yet'}"


def _keys(connection: Connection) -> None:
    _run(
        connection,
        "CREATE TEMPORARY TABLE facts_parent (id INTEGER NOT NULL, PRIMARY KEY (id))",
        "CREATE TEMPORARY TABLE facts_child (parent_id INTEGER NOT NULL, "
        "FOREIGN KEY (parent_id) REFERENCES facts_parent (id))",
        "INSERT INTO facts_parent VALUES (1), (1)",
        "INSERT INTO facts_child VALUES (1), (2)",
    )


def _dropped_join(connection: Connection) -> str:
    _keys(connection)
    query = (
        "SELECT COUNT(*) FROM facts_child LEFT JOIN facts_parent ON facts_parent.id = facts_child.parent_id "
        "WHERE facts_parent.id IS NULL"
    )
    joined = any(
        " Join " in str(line) or "Nested Loop" in str(line) for (line,) in _rows(connection, f"EXPLAIN {query}")
    )
    ((orphans,),) = _rows(connection, query)
    return f"{'no' if joined else 'yes'}; it finds {orphans} of 1 orphan"


def _distinct_key(connection: Connection) -> str:
    _keys(connection)
    return str(len(_rows(connection, "SELECT DISTINCT id FROM facts_parent")))


def _restricted_scan(connection: Connection, bound: str) -> str:
    _run(
        connection,
        "CREATE TEMPORARY TABLE facts_sorted (n INTEGER) DISTSTYLE EVEN SORTKEY (n)",
        "CREATE TEMPORARY TABLE facts_bound (n INTEGER)",
        "INSERT INTO facts_sorted VALUES (0)",
    )
    # Doubled until there are 131,072 rows, in the order of the key.
    for power in range(17):
        _run(connection, f"INSERT INTO facts_sorted SELECT n + {2**power} FROM facts_sorted")
    _run(connection, "INSERT INTO facts_bound VALUES (99000)")
    ((_count,),) = _rows(connection, f"SELECT COUNT(*) FROM facts_sorted WHERE n >= {bound}")
    found = _rows(
        connection,
        "SELECT DISTINCT is_rrscan FROM stl_scan WHERE query = pg_last_query_id() AND rows_pre_filter > 1",
    )
    if not found:
        raise _Unanswered("STL_SCAN has no row of the query yet")
    return "yes" if any(str(row[0]).strip() == "t" for row in found) else "no"


def _epoch(connection: Connection) -> str:
    ((found,),) = _rows(connection, "SELECT TIMESTAMP 'epoch' + 1541121934796 / 1000.0 * INTERVAL '1 second'")
    text = f"{found:%Y-%m-%d %H:%M:%S.%f}"
    return f"{'yes' if text == '2018-11-02 01:25:34.796000' else 'no'}: {text} for .796000"


def _temporary_distribution(connection: Connection) -> str:
    _run(
        connection,
        "CREATE TEMPORARY TABLE facts_by_key (id INTEGER, n INTEGER) DISTSTYLE KEY DISTKEY (id)",
        "CREATE TEMPORARY TABLE facts_made AS SELECT id, n FROM facts_by_key",
    )
    found = _rows(
        connection, "SELECT reldiststyle FROM pg_class WHERE relname = 'facts_made' ORDER BY oid DESC LIMIT 1"
    )
    styles = {0: "EVEN", 1: "KEY", 8: "ALL", 10: "AUTO (ALL)", 11: "AUTO (EVEN)", 12: "AUTO (KEY)"}
    return styles.get(int(found[0][0]), str(found[0][0])) if found else "it is not in PG_CLASS"


def _alter_in_transaction(connection: Connection) -> str:
    _run(connection, "CREATE TEMPORARY TABLE facts_altered (id INTEGER, n INTEGER) DISTSTYLE EVEN")
    try:
        _run(connection, "ALTER TABLE facts_altered ALTER DISTKEY id")
    except DBAPIError as exc:
        return f"no: {_reason(exc)}"
    return "yes"


def _parameter_in_subquery(connection: Connection) -> str:
    _keys(connection)
    try:
        found = _rows(
            connection,
            "SELECT parent_id FROM facts_child WHERE parent_id IN (SELECT id FROM facts_parent WHERE id = %s)",
            1,
        )
    except DBAPIError as exc:
        return f"no: {_reason(exc)}"
    return "yes" if found == [(1,)] else f"it found {found}"
