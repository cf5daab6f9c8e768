"""The dialect, migrations and connecting against the stand-in, a PostgreSQL that behaves like Redshift."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata, produce_migrations
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.operations.ops import ModifyTableOps
from sqlalchemy.schema import CreateTable

from sparkify.redshift import (
    AlterDistKey,
    AlterDistStyle,
    AlterEncode,
    AlterSortKey,
    ConnectError,
    Password,
    RedshiftDialect,
    create_redshift_engine,
    migrations,
    register,
    render,
)
from standin.fixtures import redshift, redshift_environment, redshift_server

__all__ = ["redshift", "redshift_environment", "redshift_server"]

metadata = sa.MetaData()
time = sa.Table(
    "time",  # a name that the catalogue quotes
    metadata,
    sa.Column("start_time", sa.DateTime, primary_key=True),
    sa.Column("hour", sa.SmallInteger, redshift_encode="zstd"),
    redshift_diststyle="ALL",
    redshift_sortkey="start_time",
)
plays = sa.Table(
    "songplays",
    metadata,
    sa.Column("songplay_id", sa.BigInteger, sa.Identity(always=True, start=0), primary_key=True),
    sa.Column("start_time", sa.DateTime, sa.ForeignKey("time.start_time"), nullable=False),
    sa.Column("song_id", sa.String(18), redshift_encode="raw"),
    sa.Column("agent", sa.Text),
    sa.Column("duration", sa.Numeric(9, 5)),
    sa.Column("level", sa.String(4), server_default="free"),
    sa.Column("loaded_at", sa.DateTime, server_default=sa.func.now()),
    redshift_distkey="song_id",
    redshift_sortkey=["start_time", "song_id"],
)
quiet = sa.Table("quiet", metadata, sa.Column("id", sa.Integer, sa.Identity()), sa.Column("x", sa.String(5)))


@pytest.fixture
def engine(redshift: Any) -> Any:
    register()
    engine = sa.create_engine(redshift.url)
    metadata.create_all(engine)
    yield engine
    engine.dispose()


def configured(connection: sa.Connection) -> MigrationContext:
    options = {
        "autogenerate_plugins": migrations.autogenerate_plugins(),
        "compare_server_default": True,
        "transaction_per_migration": True,
    }
    return MigrationContext.configure(connection, opts=options)


def differences(engine: sa.Engine) -> list[Any]:
    with engine.connect() as connection:
        return list(compare_metadata(configured(connection), metadata))


def test_creating_twice_is_once_and_nothing_differs(engine: sa.Engine) -> None:
    metadata.create_all(engine)
    assert type(engine.dialect) is RedshiftDialect
    assert differences(engine) == []


def test_the_reflected_tables_are_created_as_they_were(engine: sa.Engine) -> None:
    found = sa.MetaData()
    found.reflect(engine)
    assert sorted(found.tables) == ["quiet", "songplays", "time"]
    assert [key.target_fullname for key in found.tables["songplays"].foreign_keys] == ["time.start_time"]
    assert " ".join(str(CreateTable(found.tables["time"]).compile(dialect=RedshiftDialect())).split()) == (
        "CREATE TABLE time ( start_time TIMESTAMP WITHOUT TIME ZONE ENCODE raw NOT NULL, "
        "hour SMALLINT ENCODE zstd, CONSTRAINT time_pkey PRIMARY KEY (start_time) ) "
        "DISTSTYLE ALL SORTKEY (start_time)"
    )
    assert sa.inspect(engine).has_table("time")
    assert not sa.inspect(engine).has_table("o'clock :x")


def test_what_somebody_altered_is_found_and_put_back_and_forth(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        for statement in (
            AlterDistKey(plays, "start_time"),
            AlterSortKey(plays, ["song_id"]),
            AlterEncode(time, {"hour": "lzo"}),
            AlterDistStyle(time, "EVEN"),
            AlterDistStyle(quiet, "ALL"),
        ):
            connection.execute(statement)
    with engine.connect() as connection:
        script = produce_migrations(configured(connection), metadata)
    assert script.upgrade_ops is not None
    assert script.downgrade_ops is not None
    expected = [
        "alter_diststyle('quiet', 'AUTO', existing_diststyle='ALL')",
        "alter_distkey('songplays', 'song_id', existing_distkey='start_time')",
        "alter_sortkey('songplays', ['start_time', 'song_id'], existing_sortkey=['song_id'])",
        "alter_diststyle('time', 'ALL', existing_diststyle='EVEN')",
        "alter_encode('time', {'hour': 'zstd'}, existing_encodings={'hour': 'lzo'})",
    ]
    assert [found[3] for found in script.upgrade_ops.as_diffs()] == expected
    migrate(engine, script.upgrade_ops)
    assert differences(engine) == []
    migrate(engine, script.downgrade_ops)
    assert [found[3] for found in differences(engine)] == expected


def migrate(engine: sa.Engine, operations: Any) -> None:
    with engine.connect() as connection:
        context = configured(connection)
        with Operations.context(context) as op, context.begin_transaction(_per_migration=True):
            for table in operations.ops:
                assert isinstance(table, ModifyTableOps)
                for operation in table.ops:
                    op.invoke(operation)


def test_columns_are_altered_and_rows_stay(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        connection.execute(sa.insert(quiet), [{"x": "1999"}, {"x": "2001"}, {"x": None}])
    with engine.connect() as connection:
        context = configured(connection)
        with Operations.context(context) as op, context.begin_transaction(_per_migration=True):
            op.alter_column("quiet", "x", existing_type=sa.String(5), type_=sa.String(50))
            op.alter_column(
                "quiet", "x", existing_type=sa.String(50), type_=sa.Integer(), new_column_name="year"
            )
            op.add_column("quiet", sa.Column("y", sa.Integer, server_default=sa.text("7"), nullable=False))
    with engine.connect() as connection:
        rows = connection.execute(sa.text("SELECT year, y FROM quiet ORDER BY year")).all()
        columns = {c["name"]: str(c["type"]) for c in sa.inspect(connection).get_columns("quiet")}
    assert rows == [(1999, 7), (2001, 7), (None, 7)]
    assert columns["year"] == "INTEGER"


def test_a_type_outside_its_transaction_only(engine: sa.Engine) -> None:
    """The control: what ``autocommit_block`` is for."""
    with engine.begin() as connection, pytest.raises(sa.exc.DBAPIError, match="25001"):
        connection.execute(sa.text("ALTER TABLE quiet ALTER COLUMN x TYPE VARCHAR(50)"))


def test_a_correlated_delete_keeps_what_it_should(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        connection.execute(sa.insert(time), [{"start_time": "2018-11-01", "hour": 0}])
        connection.execute(
            sa.insert(plays),
            [
                {"start_time": "2018-11-01", "song_id": "a"},
                {"start_time": "2018-11-02", "song_id": "b"},
            ],
        )
        connection.execute(
            sa.delete(plays).where(sa.exists(sa.select(1).where(time.c.start_time == plays.c.start_time)))
        )
        left = connection.execute(sa.select(plays.c.song_id, plays.c.level)).all()
    assert left == [("b", "free")]


def test_literals_come_back(engine: sa.Engine) -> None:
    values = ["it's 100%", "a\\b\\", "\\'; DROP TABLE quiet; --", "Björk \U0001f3b5"]
    statement = sa.select(*[sa.literal(value).label(f"v{n}") for n, value in enumerate(values)])
    with engine.connect() as connection:
        assert list(connection.exec_driver_sql(render(statement)).one()) == values
        assert list(connection.execute(statement).one()) == values


def test_percent_signs_arrive_single(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        connection.execute(sa.text('CREATE TABLE rates ("5%" VARCHAR(9))'))
        rates = sa.table("rates", sa.column("5%", sa.String))
        connection.execute(sa.insert(rates).values({"5%": "a%"}))
        connection.execute(sa.text("INSERT INTO rates VALUES ('b%')"))
        found = connection.execute(
            sa.select(rates.c["5%"], sa.literal_column("'%'"), sa.literal_column("7 % 4"))
        )
        assert sorted(found) == [("a%", "%", 3), ("b%", "%", 3)]


def test_vacuum_runs_in_autocommit(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        connection.connection.cursor().execute("SELECT 1")  # the driver has begun a transaction
        connection.execution_options(isolation_level="AUTOCOMMIT").execute(sa.text("VACUUM quiet"))
    with engine.begin() as connection, pytest.raises(sa.exc.DBAPIError, match="25001"):
        connection.execute(sa.text("VACUUM quiet"))


def test_it_connects_and_a_wrong_password_is_one_line(redshift: Any) -> None:
    url = sa.make_url(redshift.url)
    assert url.username is not None
    assert url.host is not None
    for password, fine in ((str(url.password), True), ("wrong", False)):
        engine = create_redshift_engine(
            url.host, url.database or "dev", Password(url.username, password), port=url.port or 5439
        )
        if fine:
            with engine.connect() as connection:
                assert connection.scalar(sa.select(sa.literal(1))) == 1
        else:
            with pytest.raises(ConnectError, match="the user or the password is wrong"):
                engine.connect()
        engine.dispose()
