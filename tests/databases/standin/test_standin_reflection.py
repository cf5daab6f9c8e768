"""What sqlalchemy-redshift and Alembic read from the catalogue, with their own SQL."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.dialects import registry
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy_redshift.dialect import RedshiftDialect_redshift_connector

from standin import Standin
from tests.databases.standin.conftest import Client


class MendedDialect(RedshiftDialect_redshift_connector):
    """sqlalchemy-redshift 1.0.0 with what SQLAlchemy 2.1 changed under it, and no RETURNING."""

    supports_statement_cache = False
    insert_returning = update_returning = delete_returning = False

    def _reflect_type(
        self, format_type: Any, domains: Any, enums: Any, type_description: Any, collation: Any, **_more: Any
    ) -> Any:
        return super()._reflect_type(format_type, None, type_description, collation, None)

    def has_multi_table(self, connection: Any, table_names: Any, **kw: Any) -> Any:
        return DefaultDialect.has_multi_table(self, connection, table_names, **kw)

    def get_multi_table_options(self, connection: Any, **kw: Any) -> Any:
        return DefaultDialect.get_multi_table_options(self, connection, **kw)


registry.register("redshift.mended", __name__, "MendedDialect")


@pytest.fixture
def engine(redshift: Standin) -> Iterator[Any]:
    engine = sa.create_engine(redshift.url.replace("redshift_connector://", "mended://"))
    yield engine
    engine.dispose()


@pytest.fixture
def metadata() -> Any:
    metadata = sa.MetaData()
    sa.Table(
        "songs",
        metadata,
        sa.Column("song_id", sa.String(18), primary_key=True),
        sa.Column("title", sa.String(512), nullable=False, comment="as in the catalogue"),
        sa.Column("duration", sa.Double),
        sa.Column("level", sa.String(4), server_default="free", redshift_encode="bytedict"),
        redshift_diststyle="ALL",
        comment="one song",
    )
    sa.Table(
        "songplays",
        metadata,
        sa.Column("songplay_id", sa.BigInteger, primary_key=True, redshift_identity=(0, 1)),
        sa.Column("start_time", sa.DateTime, nullable=False),
        sa.Column("song_id", sa.String(18), sa.ForeignKey("songs.song_id"), redshift_encode="zstd"),
        sa.Column("price", sa.Numeric(10, 2)),
        sa.UniqueConstraint("start_time", "song_id"),
        redshift_distkey="song_id",
        redshift_sortkey=("start_time", "songplay_id"),
    )
    sa.Table(
        "crossed", metadata, sa.Column("a", sa.Integer), sa.Column("b", sa.Integer),
        redshift_interleaved_sortkey=("a", "b"),
    )  # fmt: skip
    return metadata


def test_create_all_twice_and_reflect(engine: Any, metadata: Any) -> None:
    metadata.create_all(engine)
    metadata.create_all(engine)
    inspector = sa.inspect(engine)
    assert sorted(inspector.get_table_names()) == ["crossed", "songplays", "songs"]
    columns = {c["name"]: c for c in inspector.get_columns("songplays")}
    assert str(columns["songplay_id"]["type"]) == "BIGINT"
    assert columns["songplay_id"]["default"].startswith('"identity"(')
    assert columns["songplay_id"]["nullable"] is False
    assert str(columns["song_id"]["type"]) == "VARCHAR(18)"
    assert columns["song_id"]["info"] == {"encode": "zstd"}
    assert columns["start_time"]["info"] == {}
    assert str(columns["price"]["type"]) == "NUMERIC(10, 2)"
    songs = {c["name"]: c for c in inspector.get_columns("songs")}
    assert songs["level"]["default"] == "'free'::character varying"
    assert songs["level"]["info"] == {"encode": "bytedict"}
    assert songs["title"]["comment"] == "as in the catalogue"
    assert inspector.get_table_comment("songs") == {"text": "one song"}
    assert inspector.get_pk_constraint("songplays")["constrained_columns"] == ["songplay_id"]
    (foreign_key,) = inspector.get_foreign_keys("songplays")
    assert foreign_key["referred_table"] == "songs"
    assert (foreign_key["constrained_columns"], foreign_key["referred_columns"]) == (["song_id"], ["song_id"])
    (unique,) = inspector.get_unique_constraints("songplays")
    assert unique["column_names"] == ["start_time", "song_id"]
    assert inspector.get_check_constraints("songplays") == []
    assert inspector.get_indexes("songplays") == []


def test_table_options(engine: Any, metadata: Any) -> None:
    metadata.create_all(engine)
    inspector = sa.inspect(engine)
    assert inspector.get_table_options("songplays") == {
        "redshift_diststyle": "KEY",
        "redshift_distkey": "song_id",
        "redshift_sortkey": ("start_time", "songplay_id"),
        "redshift_interleaved_sortkey": None,
    }
    assert inspector.get_table_options("songs")["redshift_diststyle"] == "ALL"
    crossed = inspector.get_table_options("crossed")
    assert crossed["redshift_diststyle"] is None  # AUTO, which the dialect cannot express
    assert (crossed["redshift_sortkey"], crossed["redshift_interleaved_sortkey"]) == (None, ("a", "b"))


def test_a_reflected_table_can_be_created_again(engine: Any, metadata: Any) -> None:
    metadata.create_all(engine)
    reflected = sa.MetaData()
    reflected.reflect(engine)
    metadata.drop_all(engine)
    assert sa.inspect(engine).get_table_names() == []
    reflected.create_all(engine)
    assert sorted(sa.inspect(engine).get_table_names()) == ["crossed", "songplays", "songs"]
    assert sa.inspect(engine).get_table_options("songplays")["redshift_distkey"] == "song_id"


def test_autogenerate_sees_no_difference_and_then_one(engine: Any, metadata: Any) -> None:
    metadata.create_all(engine)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, metadata) == []
    metadata.tables["songs"].append_column(sa.Column("year", sa.SmallInteger))
    metadata.tables["songs"].c.title.type = sa.String(600)
    with engine.connect() as connection:
        found = compare_metadata(MigrationContext.configure(connection), metadata)
    kinds = [d[0] if isinstance(d, tuple) else d[0][0] for d in found]
    assert sorted(kinds) == ["add_column", "modify_type"]


def test_another_schema(engine: Any) -> None:
    metadata = sa.MetaData(schema="star")
    sa.Table("t", metadata, sa.Column("a", sa.Integer, primary_key=True), redshift_distkey="a")
    with engine.begin() as connection:
        connection.execute(sa.text("create schema star"))
    metadata.create_all(engine)
    inspector = sa.inspect(engine)
    assert "star" in inspector.get_schema_names()
    assert "rs" not in inspector.get_schema_names()
    assert inspector.get_table_names() == []
    assert inspector.get_table_names(schema="star") == ["t"]
    assert inspector.get_table_options("t", schema="star")["redshift_distkey"] == "a"


def test_views_are_reflected(engine: Any) -> None:
    with engine.begin() as connection:
        connection.execute(sa.text("create table t (a int)"))
        connection.execute(sa.text("create view v as select a from t"))
    inspector = sa.inspect(engine)
    assert inspector.get_view_names() == ["v"]
    assert "SELECT" in inspector.get_view_definition("v")
    assert inspector.get_table_names() == ["t"]


def test_the_dialect_as_it_is_fails_where_it_fails_on_redshift(
    redshift: Standin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RETURNING: SQLAlchemy asks for it on every insert of a generated key, unless the dialect says no."""
    # Use upstream's dialect, whatever another test of this process has registered.
    monkeypatch.delitem(registry.impls, "redshift.redshift_connector", raising=False)
    engine = sa.create_engine(redshift.url)
    key = sa.Column("id", sa.Integer, primary_key=True, redshift_identity=(0, 1))
    table = sa.Table("t", sa.MetaData(), key, sa.Column("a", sa.Integer))
    with engine.begin() as connection:
        connection.execute(sa.schema.CreateTable(table))
    with engine.connect() as connection, pytest.raises(sa.exc.ProgrammingError) as caught:
        connection.execute(sa.insert(table).values(a=1))
    assert caught.value.orig is not None
    error = caught.value.orig.args[0]
    assert (error["C"], error["M"]) == ("42601", 'syntax error at or near "RETURNING"')
    engine.dispose()


def test_information_schema(rs: Client) -> None:
    rs.run(
        "create table t (id int identity(0,1) primary key, a varchar(7) default 'x', b super, c numeric(5,2))"
    )
    assert rs.rows(
        "select column_name, ordinal_position, data_type, character_maximum_length, numeric_precision, "
        "is_nullable "
        "from information_schema.columns where table_name = 't' order by ordinal_position"
    ) == [
        ("id", 1, "integer", None, 32, "NO"),
        ("a", 2, "character varying", 7, None, "YES"),
        ("b", 3, "super", None, None, "YES"),
        ("c", 4, "numeric", None, 5, "YES"),
    ]
    assert rs.value(
        "select column_default from information_schema.columns where table_name = 't' and column_name = 'id'"
    ).startswith('"identity"(')
    assert rs.rows(
        "select table_name, table_type from information_schema.tables where table_schema = 'public'"
    ) == [("t", "BASE TABLE")]
    assert rs.rows("select constraint_name, constraint_type from information_schema.table_constraints") == [
        ("t_pkey", "PRIMARY KEY")
    ]
    assert rs.rows("select column_name from information_schema.key_column_usage") == [("id",)]
    assert rs.rows("select table_name, table_type from svv_tables where table_schema = 'public'") == [
        ("t", "BASE TABLE")
    ]
    assert rs.rows("select column_name from svv_columns where table_name = 't' and data_type = 'super'") == [
        ("b",)
    ]


def test_svv_table_info_lists_tables_that_have_rows(rs: Client) -> None:
    rs.run("create table t (a int encode raw) distkey (a) sortkey (a)")
    rs.run("create table u (a int) diststyle even")
    query = 'select "table", encoded, diststyle, sortkey1, tbl_rows from svv_table_info order by 1'
    assert rs.rows(query) == []
    rs.run("insert into t values (1), (2)")
    rs.run("insert into u values (1)")
    assert [(*row[:4], int(row[4])) for row in rs.rows(query)] == [
        ("t", "N", "KEY(a)", "a", 2),
        ("u", "Y, AUTO(ENCODE)", "EVEN", "AUTO(SORTKEY)", 1),
    ]


def test_the_loadview_of_the_documentation(rs: Client) -> None:
    assert (
        rs.rows(
            "select distinct tbl, trim(name) as table_name, query, starttime, trim(filename) as input, "
            "line_number, colname, err_code, trim(err_reason) as reason "
            "from stl_load_errors sl, stv_tbl_perm sp where sl.tbl = sp.id"
        )
        == []
    )
