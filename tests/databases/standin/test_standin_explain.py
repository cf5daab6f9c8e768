"""EXPLAIN in Redshift's form: an approximation from the distribution of the tables, by rules of its README."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redshift_connector

from sparkify.redshift.plans import PlanStep, parse_plan
from standin import Standin

TABLES = (
    "CREATE TABLE plays (user_id INT DISTKEY, song_id VARCHAR(18), at TIMESTAMP)",
    "CREATE TABLE users (user_id INT DISTKEY, level VARCHAR(4))",
    "CREATE TABLE songs (song_id VARCHAR(18), title VARCHAR(100)) DISTSTYLE EVEN",
    "CREATE TABLE levels (level VARCHAR(4), price INT) DISTSTYLE ALL",
    # PostgreSQL assumes that an empty table fills some pages: a wide one has fewer rows, and is the inner side.
    "CREATE TABLE narrow (user_id INT)",
    "CREATE TABLE wide (user_id INT, name VARCHAR(500))",
)


@pytest.fixture
def cursor(redshift: Standin) -> Iterator[redshift_connector.Cursor]:
    connection = redshift_connector.connect(**redshift.connect_args())
    try:
        cursor = connection.cursor()
        for text in TABLES:
            cursor.execute(text)
        yield cursor
    finally:
        connection.close()


def plan(cursor: redshift_connector.Cursor, query: str) -> list[str]:
    cursor.execute(f"EXPLAIN {query}")
    return [line for (line,) in cursor.fetchall()]


def join(cursor: redshift_connector.Cursor, query: str) -> PlanStep:
    (found,) = [step for step in parse_plan(plan(cursor, query)) if step.movement or "Join" in step.operator]
    return found


def test_scan_has_redshifts_form(cursor: redshift_connector.Cursor) -> None:
    first, *rest = plan(cursor, "SELECT level FROM users WHERE user_id = 5")
    assert first.startswith("XN Seq Scan on users  (cost=0.00..")
    assert rest == ["  Filter: (users.user_id = 5)"]
    assert parse_plan([first])[0].operator == "Seq Scan on users"


def test_indents_are_those_of_the_guide(cursor: redshift_connector.Cursor) -> None:
    lines = plan(cursor, "SELECT u.level FROM users u JOIN plays p ON p.user_id = u.user_id")
    assert [line.partition("  (cost")[0] for line in lines] == [
        "XN Hash Join DS_DIST_NONE",
        "  Hash Cond: (u.user_id = p.user_id)",
        "  ->  XN Seq Scan on users u",
        "  ->  XN Hash",
        "        ->  XN Seq Scan on plays p",
    ]


@pytest.mark.parametrize(
    ("query", "operator", "movement"),
    [
        ("plays p JOIN users u ON p.user_id = u.user_id", "Hash Join", "DS_DIST_NONE"),
        ("users u LEFT JOIN plays p ON p.user_id = u.user_id", "Hash Left Join", "DS_DIST_NONE"),
        ("users u LEFT JOIN levels l ON u.level = l.level", "Hash Left Join", "DS_DIST_ALL_NONE"),
        ("levels l LEFT JOIN users u ON u.level = l.level", "Hash Left Join", "DS_DIST_ALL_INNER"),
        ("users u LEFT JOIN plays p ON u.level = p.song_id", "Hash Left Join", "DS_DIST_BOTH"),
        ("plays p LEFT JOIN wide w ON p.user_id = w.user_id", "Hash Left Join", "DS_DIST_INNER"),
        ("narrow n LEFT JOIN plays p ON p.user_id = n.user_id", "Hash Left Join", "DS_DIST_OUTER"),
        ("plays p CROSS JOIN songs s", "Nested Loop", "DS_BCAST_INNER"),
        ("plays p CROSS JOIN levels l", "Nested Loop", "DS_DIST_ALL_NONE"),
    ],
)
def test_label_follows_distribution(
    query: str, operator: str, movement: str, cursor: redshift_connector.Cursor
) -> None:
    found = join(cursor, f"SELECT 1 FROM {query}")
    assert (found.operator, found.movement) == (operator, movement)


def test_small_inner_side_is_broadcast(cursor: redshift_connector.Cursor) -> None:
    cursor.execute("INSERT INTO songs VALUES ('s1', 'one')")
    for _ in range(12):
        cursor.execute(
            "INSERT INTO plays SELECT 1, 's1', GETDATE() UNION ALL SELECT user_id, song_id, at FROM plays"
        )
    assert join(cursor, "SELECT 1 FROM plays p LEFT JOIN songs s ON p.song_id = s.song_id").movement == (
        "DS_BCAST_INNER"
    )


def test_distribution_is_that_after_alter(cursor: redshift_connector.Cursor) -> None:
    query = "SELECT 1 FROM plays p LEFT JOIN wide w ON p.user_id = w.user_id"
    assert join(cursor, query).movement == "DS_DIST_INNER"
    cursor.execute("ALTER TABLE wide ALTER DISTKEY user_id")
    assert join(cursor, query).movement == "DS_DIST_NONE"


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO songs SELECT p.song_id, u.level FROM plays p JOIN users u ON p.user_id = u.user_id",
        "DELETE FROM users USING plays WHERE users.user_id = plays.user_id",
    ],
)
def test_write_shows_its_query_alone_and_writes_nothing(
    statement: str, cursor: redshift_connector.Cursor
) -> None:
    cursor.execute("INSERT INTO plays VALUES (1, 's', NULL)")
    cursor.execute("INSERT INTO users VALUES (1, 'free')")
    assert plan(cursor, statement)[0].startswith("XN Hash Join DS_DIST_NONE")
    cursor.execute("SELECT (SELECT COUNT(*) FROM songs), (SELECT COUNT(*) FROM users)")
    assert [tuple(row) for row in cursor.fetchall()] == [(0, 1)]


def test_other_statement_is_not_explained(cursor: redshift_connector.Cursor) -> None:
    with pytest.raises(redshift_connector.ProgrammingError, match="does not emulate EXPLAIN VACUUM"):
        cursor.execute("EXPLAIN VACUUM plays")


def test_comment_on_constraint_finds_the_constraint(cursor: redshift_connector.Cursor) -> None:
    cursor.execute("CREATE TABLE kept (id INT, CONSTRAINT kept_key PRIMARY KEY (id))")
    cursor.execute("COMMENT ON CONSTRAINT kept_key ON kept IS 'the key'")
    with pytest.raises(redshift_connector.ProgrammingError, match="other_key"):
        cursor.execute("COMMENT ON CONSTRAINT other_key ON kept IS 'the key'")
