"""The view of the star: what it shows on every database, and what it must not be taken for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime

import pytest
from sqlalchemy import inspect, select

from sparkify import Warehouse
from sparkify.models import PLAYS
from sparkify.pipeline import SPARKIFY
from sparkify.warehouse.migrations import Migrations
from tests.support.cloud import Cloud
from tests.support.data import HEAD, rows
from tests.support.drivers import Driver
from tests.support.making import event, song

PLAYED_AT = "2018-11-04 20:57:10.796"


@pytest.fixture
def warehouse(driver: Driver) -> Iterator[Warehouse]:
    """Its tables, and two plays: a song of the catalogue, and one of nobody's."""
    driver.put(
        "songs", "a.json",
        song(title="Undo", artist_name="Björk", duration=100.5, year=1999, artist_location="Island",
             artist_latitude=64.5, artist_longitude=-18.25),
    )  # fmt: skip
    driver.put(
        "events",
        "a.json",
        event(artist="Björk", song="Undo", length=100.5, at=PLAYED_AT),
        event(artist="Nobody", song="Nothing", length=7.5, userId="8", firstName="Ada", lastName=None,
              gender="F", level="paid", sessionId=2, at="2018-11-05 00:00:00.000"),
    )  # fmt: skip
    with driver.with_tables() as made:
        made.load()
        yield made


def failed(warehouse: Warehouse) -> list[str]:
    return [result.name for result in warehouse.check() if not result.ok]


def test_view_has_a_row_for_each_play_with_all_dimensions(warehouse: Warehouse) -> None:
    found = warehouse.query(select(PLAYS.table).order_by(PLAYS.table.c.start_time)).all()
    assert len(found) == 2
    first, second = (dict(row._mapping) for row in found)
    # Numbers and ids that the databases and the loader make.
    for row in (first, second):
        assert isinstance(row.pop("play_id"), int)
    assert {name: second.pop(name)[:2] for name in ("song_id", "artist_id")} == {
        "song_id": "IS",
        "artist_id": "IA",
    }
    assert first == {
        "start_time": datetime(2018, 11, 4, 20, 57, 10, 796000),
        "date": date(2018, 11, 4),
        "year": 2018, "month": 11, "week": 44, "day": 4, "hour": 20, "weekday": 0, "weekday_name": "Sunday",
        "user_id": 7, "user_name": "Ada Byron", "first_name": "Ada", "last_name": "Byron", "gender": "F",
        "level": "free", "current_level": "free",
        "registered_at": datetime(2018, 10, 30, 17, 6, 6, 796000),
        "session_id": 1, "item_in_session": 0, "location": "London", "user_agent": '"Mozilla/5.0"',
        "song_id": "SOSONG", "song_title": "Undo", "song_year": 1999, "song_duration": 100.5,
        "artist_id": "ARBAND", "artist_name": "Björk",
        "artist_location": "Island", "artist_latitude": 64.5, "artist_longitude": -18.25,
        "match": "exact",
        "load_id": 1,
    }  # fmt: skip
    assert {name: second[name] for name in ("weekday_name", "week", "hour", "user_name", "song_title")} == {
        "weekday_name": "Monday", "week": 45, "hour": 0, "user_name": "Ada", "song_title": "Nothing",
    }  # fmt: skip
    assert (second["artist_name"], second["song_year"], second["match"]) == ("Nobody", None, "inferred")


def test_view_loses_no_play_whose_dimension_is_gone(warehouse: Warehouse) -> None:
    with warehouse.engine.begin() as connection:
        for table in ("users", "songs", "artists", "time"):
            connection.exec_driver_sql(f'DELETE FROM "{table}"')
    assert sorted(rows(warehouse, "SELECT user_id, song_title, artist_name, hour FROM plays")) == [
        (7, None, None, None),
        (8, None, None, None),
    ]


def test_view_survives_full_refresh_and_migrations(driver: Driver, warehouse: Warehouse) -> None:
    driver.put("events", "b.json", event(sessionId=3))
    assert warehouse.load(full_refresh=True).mode == "full refresh"
    assert rows(warehouse, "SELECT count(*) FROM plays") == [(3,)]
    migrations = Migrations(SPARKIFY, warehouse.database)
    migrations.downgrade(warehouse.engine, "0006")
    assert inspect(warehouse.engine).get_view_names() == []
    assert rows(warehouse, "SELECT count(*) FROM songplays") == [(3,)]
    assert warehouse.migrate() == HEAD
    assert rows(warehouse, "SELECT count(*) FROM plays") == [(3,)]


def test_view_is_no_table(warehouse: Warehouse) -> None:
    inspector = inspect(warehouse.engine)
    assert inspector.get_view_names() == ["plays"]
    assert "plays" not in inspector.get_table_names()
    assert "plays" not in SPARKIFY.metadata.tables
    assert "plays" not in warehouse.status().rows


def test_check_finds_view_that_is_gone_or_broken(driver: Driver, warehouse: Warehouse) -> None:
    assert failed(warehouse) == []
    name = "plays: the view can be read"
    with warehouse.engine.begin() as connection:
        connection.exec_driver_sql("DROP VIEW plays")
    assert failed(warehouse) == [name]
    (found,) = (result for result in warehouse.check() if result.name == name)
    assert (found.count, found.rows[0]["view"]) == (1, "plays")
    assert "plays" in found.rows[0]["error"]
    assert found.hint
    assert "sparkify-etl migrate --sql" in found.hint
    # A view that has lost a column is as good as none.
    with warehouse.engine.begin() as connection:
        connection.exec_driver_sql("CREATE VIEW plays AS SELECT songplay_id AS play_id FROM songplays")
    assert failed(warehouse) == [name]


def test_view_has_its_comment_in_the_database(warehouse: Warehouse) -> None:
    text = {
        "duckdb": "SELECT comment FROM duckdb_views() WHERE view_name = 'plays'",
        "redshift": "SELECT obj_description('plays'::regclass)",
    }[warehouse.database.name]
    assert rows(warehouse, text) == [(PLAYS.comment,)]


def test_migrations_of_redshift_make_the_view_of_the_models(cloud: Cloud) -> None:
    """On DuckDB tests/databases/duckdb/test_creation.py compares the two, as files."""
    definition = "SELECT definition FROM pg_views WHERE viewname = 'plays'"
    with cloud.warehouse() as warehouse:
        warehouse.migrate()
        migrated = rows(warehouse, definition)
        with warehouse.engine.begin() as connection:
            connection.execute(PLAYS.drop("public"))
            for statement in PLAYS.create("public"):
                connection.execute(statement)
        assert migrated
        assert rows(warehouse, definition) == migrated
        # Negative control: another view differs.
        with warehouse.engine.begin() as connection:
            connection.execute(PLAYS.drop())
            connection.exec_driver_sql("CREATE VIEW plays AS SELECT user_id FROM songplays")
        assert rows(warehouse, definition) != migrated


def test_view_names_the_schema_of_the_tables(cloud: Cloud) -> None:
    """Without binding, a view would otherwise be over whatever tables its reader's search_path finds."""
    with cloud.warehouse(db_schema="stage") as warehouse:
        offline = " ".join(warehouse.migration_sql().split())
        warehouse.migrate()
        assert rows(warehouse, "SELECT count(*) FROM stage.plays") == [(0,)]
    (made,) = (found.sql for found in cloud.redshift.statements if found.sql.startswith("CREATE VIEW"))
    for text in (" ".join(made.split()), offline):
        assert "CREATE VIEW stage.plays AS SELECT play.songplay_id AS play_id" in text
        assert "FROM stage.songplays AS play LEFT OUTER JOIN stage.time AS moment" in text
        assert "COMMENT ON VIEW stage.plays IS 'Grain: one play" in offline
    assert made.endswith("WITH NO SCHEMA BINDING")
    assert "public" not in made
