"""Read access after a migration: the GRANTs of the settings, on the stand-in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import table
from sqlalchemy.exc import CompileError

from sparkify import ConfigurationError, Settings
from sparkify.pipeline import SPARKIFY
from sparkify.redshift import Grantee, GrantSchema, GrantSelect, parse_grantees, render
from standin import Standin
from tests.support.cloud import Cloud
from tests.support.commands import run_here
from tests.support.data import HEAD
from tests.support.paths import CLONE

TO = 'GROUP analysts, role "the board", alice'
READABLE = {
    "songplays", "users", "songs", "artists", "time", "user_levels", "song_matches", "plays",
    "load_history", "loaded_files", "rejected_rows", "load_steps", "column_history", "load_checksums",
    "failed_loads", "alembic_version", "staging_events", "staging_songs", "load_lock",
}  # fmt: skip


@pytest.fixture
def people(redshift: Standin) -> Iterator[Standin]:
    """A group with bob in it, a role, and alice. Roles of PostgreSQL are those of all databases."""
    names = ("alice", "bob", "analysts", "the board")
    for name in names:
        redshift.query(f'CREATE ROLE "{name}" LOGIN')
    redshift.query("GRANT analysts TO bob")
    yield redshift
    redshift.query("SELECT rs.clean()")
    for name in names:
        redshift.query(f'DROP ROLE "{name}"')


def readable(redshift: Standin, user: str, schema: str = "public") -> set[str]:
    """The tables and views of a schema that a user may read, which takes USAGE on the schema too."""
    found = redshift.query(
        f"SELECT relname FROM pg_class WHERE relkind IN ('r', 'v') AND relnamespace = '{schema}'::regnamespace "
        f"AND has_schema_privilege('{user}', relnamespace, 'USAGE') "
        f"AND has_table_privilege('{user}', oid, 'SELECT')"
    )
    return {str(name) for (name,) in found}


@pytest.mark.parametrize("schema", ["public", "dev"])
def test_migration_lets_the_named_read(cloud: Cloud, people: Standin, schema: str) -> None:
    with cloud.warehouse(db_schema=schema, grant_select_to=TO) as warehouse:
        assert warehouse.migrate("0005") == "0005"
        assert [one.sql for one in people.statements if one.sql.startswith("GRANT")] == []
        assert warehouse.migrate() == HEAD
        for user in ("alice", "bob", "the board"):
            assert readable(people, user, schema) == READABLE
        views = {view.name for view in SPARKIFY.views}
        assert {*SPARKIFY.metadata.tables, *views, "alembic_version"} == READABLE
        # Granted again, for users added to the settings since then.
        people.clear_statements()
        assert warehouse.migrate() == HEAD
        assert [one.sql.partition(" TO ")[2] for one in people.statements if one.sql.startswith("GRANT")] == [
            'GROUP "analysts", ROLE "the board", "alice"'
        ] * 2


def test_without_the_setting_nobody_may_read(cloud: Cloud, people: Standin) -> None:
    with cloud.warehouse(db_schema="dev") as warehouse:
        warehouse.migrate()
    assert readable(people, "alice", "dev") == set()


def test_alembic_sends_the_grants_too(cloud: Cloud, people: Standin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPARKIFY_DATABASE_URL", people.url)
    monkeypatch.setenv("SPARKIFY_GRANT_SELECT_TO", "alice")
    assert run_here("alembic", "upgrade", "head", cwd=CLONE).returncode == 0
    assert readable(people, "alice") == READABLE
    people.clear_statements()
    for command in ("check", "current", "history"):
        assert run_here("alembic", command, cwd=CLONE).returncode == 0
    assert [one.sql for one in people.statements if one.sql.startswith(("GRANT", "CREATE"))] == []


def test_failed_grant_says_who_is_missing_and_repeats(cloud: Cloud, people: Standin) -> None:
    with cloud.warehouse(grant_select_to="nobody_there") as warehouse:
        with pytest.raises(Exception, match="nobody_there"):
            warehouse.migrate()
        # The tables exist: a failed grant does not undo the migration.
        assert warehouse.status().revision == HEAD
    with cloud.warehouse(grant_select_to="alice") as warehouse:
        warehouse.migrate()
    assert readable(people, "alice") == READABLE


def test_script_ends_with_the_grants(cloud: Cloud) -> None:
    with cloud.warehouse(db_schema="dev", grant_select_to=TO) as warehouse:
        script = warehouse.migration_sql()
        assert "GRANT" not in warehouse.migration_sql("0005")
    tables = (
        "songplays, users, songs, artists, time, user_levels, song_matches, plays, load_history, loaded_files, "
        "rejected_rows, load_steps, column_history, load_checksums, failed_loads, load_lock, staging_events, "
        "staging_songs, alembic_version"
    )
    end = [line for line in script.splitlines() if line][-4:]
    names = {name.strip('" ') for name in end[2].partition(" TABLE ")[2].partition(" TO ")[0].split(",")}
    assert names == set(tables.split(", "))
    assert end[0] == "BEGIN;"
    assert end[1] == 'GRANT USAGE ON SCHEMA "dev" TO GROUP "analysts", ROLE "the board", "alice";'
    assert end[2].endswith(' TO GROUP "analysts", ROLE "the board", "alice";')
    assert end[3] == "COMMIT;"


# -- the words -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("alice", [Grantee("USER", "alice")]),
        ("user alice, IAMR:etl", [Grantee("USER", "alice"), Grantee("USER", "IAMR:etl")]),
        ("Group a,ROLE b", [Grantee("GROUP", "a"), Grantee("ROLE", "b")]),
        ("public", [Grantee("PUBLIC")]),
        (
            '"public", "a, b", group "x""y"',
            [Grantee("USER", "public"), Grantee("USER", "a, b"), Grantee("GROUP", 'x"y')],
        ),
        ("", []),
    ],
)
def test_grantees_are_written_as_in_grant(text: str, expected: list[Grantee]) -> None:
    assert list(parse_grantees(text)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "alice bob",
        "GROUP",
        "role",
        "a,,b",
        '"open',
        '""',
        "alice WITH GRANT OPTION",
        "x" * 128,
        '"a"b',
        'a; "b',
    ],
)
def test_anything_else_is_refused_without_the_value(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"grant_select_to \(option\)") as caught:
        Settings.load(grant_select_to=text)
    assert text not in str(caught.value) or text == "GROUP"


def test_names_stay_names(cloud: Cloud) -> None:
    """A name that ends the quotes is quoted, and nothing after it is run."""
    name = 'x"; DROP SCHEMA public CASCADE; --'
    statement = GrantSelect([table("t")], [Grantee("ROLE", name)])
    assert render(statement) == 'GRANT SELECT ON TABLE t TO ROLE "x""; DROP SCHEMA public CASCADE; --"'
    assert render(GrantSchema('a"b', [Grantee("PUBLIC")])) == 'GRANT USAGE ON SCHEMA "a""b" TO PUBLIC'
    quoted = name.replace('"', '""')
    with cloud.warehouse(grant_select_to=f'"{quoted}"') as warehouse:
        with pytest.raises(Exception, match="does not exist"):
            warehouse.migrate()
        assert warehouse.status().revision == HEAD


def test_grant_for_nobody_or_of_nothing_is_refused() -> None:
    with pytest.raises(CompileError):
        GrantSchema("dev", [])
    with pytest.raises(CompileError):
        GrantSelect([], [Grantee("PUBLIC")])
