"""Migrations: the text of each operation, rejected cases, statements around a VARCHAR change, and autogenerate.

Autogenerate runs in full (the dialect's reflection, Alembic's and our comparison, rendering) over a catalogue
that is defined here as the result rows of sqlalchemy-redshift's catalogue queries.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata, produce_migrations, render_python_code
from alembic.ddl.impl import _impls
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.util import CommandError
from sqlalchemy_redshift import dialect as upstream

from sparkify.redshift import RedshiftDialect, migrations
from sparkify.redshift.migrations import AlterDistKeyOp, AlterEncodeOp, AlterSortKeyOp, RedshiftImpl


@contextmanager
def offline(dialect: str = "redshift", **opts: Any) -> Iterator[tuple[Operations, list[str]]]:
    """Operations that are written down: ``(op, statements)``; the list is full when the block has ended."""
    buffer = io.StringIO()
    options = {"as_sql": True, "output_buffer": buffer, "transaction_per_migration": True, **opts}
    context = MigrationContext.configure(dialect_name=dialect, opts=options)
    statements: list[str] = []
    with Operations.context(context) as op:
        yield op, statements
    statements += [" ".join(text.split()) for text in buffer.getvalue().split(";") if text.strip()]


TEXTS: dict[str, tuple[Any, list[str]]] = {
    "create table": (
        lambda op: op.create_table(
            "songs",
            sa.Column("song_id", sa.String(18), nullable=False, redshift_encode="zstd"),
            sa.Column("year", sa.SmallInteger),
            sa.PrimaryKeyConstraint("song_id"),
            redshift_diststyle="KEY",
            redshift_distkey="song_id",
        ),
        [
            (
                "CREATE TABLE songs ( song_id VARCHAR(18) ENCODE zstd NOT NULL, year SMALLINT, "
                "PRIMARY KEY (song_id) ) DISTSTYLE KEY DISTKEY (song_id)"
            )
        ],
    ),
    "rename table": (lambda op: op.rename_table("songs", "titles"), ["ALTER TABLE songs RENAME TO titles"]),
    "rename column": (
        lambda op: op.alter_column("songs", "user", new_column_name="owner", schema="star"),
        ['ALTER TABLE star.songs RENAME COLUMN "user" TO owner'],
    ),
    "add column": (
        lambda op: op.add_column("songs", sa.Column("genre", sa.String(20), redshift_encode="lzo")),
        ["ALTER TABLE songs ADD COLUMN genre VARCHAR(20) ENCODE lzo"],
    ),
    "add column not null": (
        lambda op: op.add_column("songs", sa.Column("plays", sa.Integer, nullable=False, server_default="0")),
        ["ALTER TABLE songs ADD COLUMN plays INTEGER DEFAULT '0' NOT NULL"],
    ),
    "drop column": (lambda op: op.drop_column("songs", "genre"), ["ALTER TABLE songs DROP COLUMN genre"]),
    "widen": (
        lambda op: op.alter_column("songs", "title", existing_type=sa.String(10), type_=sa.String(20)),
        ["COMMIT", "ALTER TABLE songs ALTER COLUMN title TYPE VARCHAR(20)", "BEGIN"],
    ),
    "narrow": (
        lambda op: op.alter_column("songs", "title", existing_type=sa.Text(), type_=sa.String(20)),
        ["COMMIT", "ALTER TABLE songs ALTER COLUMN title TYPE VARCHAR(20)", "BEGIN"],
    ),
    "same size": (
        lambda op: op.alter_column("songs", "title", existing_type=sa.Text(), type_=sa.String(65535)),
        [],
    ),
    "another type": (
        lambda op: op.alter_column("songs", "year", existing_type=sa.SmallInteger(), type_=sa.BigInteger()),
        [
            "ALTER TABLE songs ADD COLUMN year__new BIGINT",
            "UPDATE songs SET year__new=CAST(songs.year AS BIGINT)",
            "ALTER TABLE songs DROP COLUMN year",
            "ALTER TABLE songs RENAME COLUMN year__new TO year",
        ],
    ),
    "another type, name, schema, expression and default": (
        lambda op: op.alter_column(
            "songs",
            "year",
            schema="star",
            existing_type=sa.String(4),
            type_=sa.SmallInteger(),
            existing_server_default="0",
            existing_nullable=False,
            new_column_name="released",
            redshift_using="NULLIF(year, '')::SMALLINT",
        ),
        [
            "ALTER TABLE star.songs ADD COLUMN year__new SMALLINT DEFAULT '0' NOT NULL",
            "UPDATE star.songs SET year__new=NULLIF(year, '')::SMALLINT",
            "ALTER TABLE star.songs DROP COLUMN year",
            "ALTER TABLE star.songs RENAME COLUMN year__new TO year",
            "ALTER TABLE star.songs RENAME COLUMN year TO released",
        ],
    ),
    "comment": (
        lambda op: op.alter_column("songs", "year", comment="0 is unknown"),
        ["COMMENT ON COLUMN songs.year IS '0 is unknown'"],
    ),
    "foreign key": (
        lambda op: op.create_foreign_key("fk", "songs", "artists", ["artist_id"], ["artist_id"]),
        ["ALTER TABLE songs ADD CONSTRAINT fk FOREIGN KEY(artist_id) REFERENCES artists (artist_id)"],
    ),
    "dist key": (
        lambda op: op.alter_distkey("songs", "song_id", schema="star", existing_diststyle="EVEN"),
        ["ALTER TABLE star.songs ALTER DISTKEY song_id"],
    ),
    "dist style": (
        lambda op: op.alter_diststyle("songs", "ALL", existing_distkey="song_id"),
        ["ALTER TABLE songs ALTER DISTSTYLE ALL"],
    ),
    "sort key": (
        lambda op: op.alter_sortkey("songs", ["year", "song_id"], existing_sortkey="AUTO"),
        ["ALTER TABLE songs ALTER SORTKEY (year, song_id)"],
    ),
    "sort key none": (lambda op: op.alter_sortkey("songs", "NONE"), ["ALTER TABLE songs ALTER SORTKEY NONE"]),
    "encode": (
        lambda op: op.alter_encode("songs", {"title": "zstd"}, existing_encodings={"title": "lzo"}),
        ["ALTER TABLE songs ALTER COLUMN title ENCODE zstd"],
    ),
}


@pytest.mark.parametrize("name", TEXTS)
def test_text(name: str) -> None:
    operation, expected = TEXTS[name]
    with offline() as (op, statements):
        operation(op)
    assert statements == expected


def test_upstream_still_cannot_alter_a_type() -> None:
    """When this fails, upstream has a Redshift implementation of its own."""
    with pytest.MonkeyPatch.context() as patch, offline() as (op, _):
        patch.setattr(op.impl, "__class__", upstream.RedshiftImpl)
        with pytest.raises(sa.exc.UnsupportedCompilationError, match="PostgresqlColumnType"):
            op.alter_column("songs", "title", existing_type=sa.String(10), type_=sa.String(20))


REFUSED: dict[str, tuple[Any, str]] = {
    "set not null": (
        lambda op: op.alter_column("songs", "title", nullable=False),
        "column songs.title: Redshift cannot set NOT NULL; create a new table",
    ),
    "drop not null": (
        lambda op: op.alter_column("songs", "title", nullable=True, schema="star"),
        "column star.songs.title: Redshift cannot drop NOT NULL; create a new table",
    ),
    "set default": (
        lambda op: op.alter_column("songs", "title", server_default="x"),
        "column songs.title: Redshift cannot alter a default or an identity",
    ),
    "type of a column that is not null": (
        lambda op: op.alter_column(
            "songs", "year", existing_type=sa.SmallInteger(), type_=sa.BigInteger(), existing_nullable=False
        ),
        "adds none that is NOT NULL without a default; create a new table",
    ),
    "varchar from nothing known": (
        lambda op: op.alter_column("songs", "title", type_=sa.String(20)),
        "say existing_type",
    ),
    "add not null": (
        lambda op: op.add_column("songs", sa.Column("x", sa.Integer, nullable=False)),
        "column songs.x: Redshift adds a NOT NULL column only with a default; give it a server_default",
    ),
    "add identity": (
        lambda op: op.add_column("songs", sa.Column("x", sa.Integer, sa.Identity())),
        "cannot add an IDENTITY column",
    ),
    "add primary key": (
        lambda op: op.add_column("songs", sa.Column("x", sa.Integer, primary_key=True)),
        "cannot add a column as primary key",
    ),
    "add dist key": (
        lambda op: op.add_column("songs", sa.Column("x", sa.Integer, redshift_distkey=True)),
        "add it without, then op.alter_distkey",
    ),
    "add if not exists": (
        lambda op: op.add_column("songs", sa.Column("x", sa.Integer), if_not_exists=True),
        "no ADD COLUMN IF NOT EXISTS",
    ),
    "drop if exists": (lambda op: op.drop_column("songs", "x", if_exists=True), "no DROP COLUMN IF EXISTS"),
    "create index": (
        lambda op: op.create_index("ix", "songs", ["title"]),
        "index ix: Redshift has no indexes; use a sort key (op.alter_sortkey)",
    ),
    "drop index": (lambda op: op.drop_index("ix", "songs"), "index ix: Redshift has no indexes"),
    "table with an index": (
        lambda op: op.create_table("songs", sa.Column("title", sa.String(5), index=True)),
        "Redshift has no indexes",
    ),
    "check": (
        lambda op: op.create_check_constraint("positive", "songs", "year > 0"),
        "Redshift has no CHECK constraints; check after the load",
    ),
    "type": (
        lambda op: op.add_column("songs", sa.Column("x", sa.JSON)),
        "Redshift has no type JSON; use SUPER",
    ),
    "interleaved": (
        lambda op: op.alter_sortkey("songs", ["year"], interleaved=True),
        "cannot alter a sort key to INTERLEAVED; create a new table",
    ),
    "backslash in a comment": (
        lambda op: op.alter_column("songs", "year", comment="a\\b"),
        "column songs.year: Redshift takes no backslash in a comment",
    ),
    "backslash in the comment of a table": (
        lambda op: op.create_table_comment("songs", "a\\b"),
        "table songs: Redshift takes no backslash in a comment",
    ),
    "a name for a list": (
        lambda op: op.alter_sortkey("songs", "year"),
        "is a list of columns, 'AUTO' or 'NONE'",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    operation, sentence = REFUSED[name]
    with offline() as (op, statements), pytest.raises(CommandError) as raised:
        operation(op)
    assert sentence in str(raised.value)
    assert "\n" not in str(raised.value)
    assert statements == []  # nothing was sent


def test_a_varchar_needs_a_transaction_for_each_migration() -> None:
    with offline(transaction_per_migration=False) as (op, statements), pytest.raises(CommandError) as raised:
        op.alter_column("songs", "title", existing_type=sa.String(10), type_=sa.String(20))
    assert "transaction_per_migration=True to context.configure() in env.py" in str(raised.value)
    assert statements == []


def test_the_operations_do_nothing_on_another_database() -> None:
    op: Any
    with offline("duckdb") as (op, statements):
        op.alter_distkey("songs", "song_id")
        op.alter_diststyle("songs", "ALL")
        op.alter_sortkey("songs", ["year"])
        op.alter_encode("songs", {"title": "zstd"})
    assert statements == []


def test_operations_turn_round() -> None:
    operation = AlterDistKeyOp("songs", "song_id", existing_diststyle="EVEN")
    assert operation.call() == "alter_distkey('songs', 'song_id', existing_diststyle='EVEN')"
    back: Any = operation.reverse()
    assert back.call() == "alter_diststyle('songs', 'EVEN', existing_distkey='song_id')"
    assert back.reverse().call() == "alter_distkey('songs', 'song_id', existing_diststyle='EVEN')"
    interleaved = AlterSortKeyOp("songs", ["year"], existing_sortkey=["a", "b"], existing_interleaved=True)
    assert interleaved.reverse().call() == (
        "alter_sortkey('songs', ['a', 'b'], interleaved=True, existing_sortkey=['year'])"
    )
    for unknown in (
        AlterDistKeyOp("songs", "song_id"),
        AlterSortKeyOp("songs", "AUTO"),
        AlterEncodeOp("songs", "AUTO"),
    ):
        with pytest.raises(ValueError, match="cannot be turned round: no existing_"):
            unknown.reverse()


def test_our_implementation_is_the_one() -> None:
    assert _impls["redshift"] is RedshiftImpl
    assert RedshiftImpl.transactional_ddl


def test_a_changed_type_keeps_the_rows_on_duckdb() -> None:
    engine = sa.create_engine("duckdb:///:memory:")
    with offline() as (op, statements):
        TEXTS["another type"][0](op)
    with engine.connect() as connection:
        connection.exec_driver_sql("CREATE TABLE songs (song_id VARCHAR, year SMALLINT)")
        connection.exec_driver_sql("INSERT INTO songs VALUES ('a', 1999), ('b', 2001), ('c', NULL)")
        for statement in statements:
            connection.exec_driver_sql(statement)
        found = connection.exec_driver_sql(
            "SELECT song_id, year, typeof(year) FROM songs ORDER BY song_id"
        ).all()
    engine.dispose()
    assert found == [("a", 1999, "BIGINT"), ("b", 2001, "BIGINT"), ("c", None, "BIGINT")]


# -- what is sent


def test_a_varchar_is_widened_between_two_transactions(driver: Any) -> None:
    with driver.engine().connect() as connection:
        context = MigrationContext.configure(connection, opts={"transaction_per_migration": True})
        with Operations.context(context) as op, context.begin_transaction(_per_migration=True):
            driver.log.clear()
            op.execute("UPDATE songs SET year = NULL WHERE year = 0")
            op.alter_column("songs", "title", existing_type=sa.String(10), type_=sa.String(20))
            op.execute("UPDATE songs SET title = 'x'")
    assert driver.log == [
        "begin",
        "UPDATE songs SET year = NULL WHERE year = 0",
        "commit",
        "ALTER TABLE songs ALTER COLUMN title TYPE VARCHAR(20)",
        "begin",
        "UPDATE songs SET title = 'x'",
        "commit",
    ]


def test_a_transaction_that_is_not_alembics_is_not_ended(driver: Any) -> None:
    with driver.engine().begin() as connection:
        context = MigrationContext.configure(connection, opts={"transaction_per_migration": True})
        with Operations.context(context) as op, pytest.raises(CommandError, match="is not Alembic's to end"):
            op.alter_column("songs", "title", existing_type=sa.String(10), type_=sa.String(20))
        with pytest.raises(CommandError, match="is not Alembic's to end"):
            Operations(context).alter_column("songs", "title", existing_type=sa.String(9), type_=sa.String(20))


# -- autogenerate


def column(name: str, type_: str, **kw: Any) -> SimpleNamespace:
    """One row of upstream's query of columns."""
    defaults = {
        "encode": "az64",
        "distkey": False,
        "sortkey": 0,
        "notnull": False,
        "comment": None,
        "default": None,
        "schema": "public",
    }
    return SimpleNamespace(name=name, format_type=type_, **{**defaults, **kw})


class Catalogue:
    """What the database has: tables by name, each a style (``None`` for AUTO) and its columns."""

    def __init__(self, driver: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.driver = driver
        self.tables: dict[str, tuple[str | None, list[SimpleNamespace]]] = {}
        relation, key = self._relation, upstream.RelationKey
        for name, answer in {
            "_get_all_relation_info": lambda *_, **__: {
                key(t, "public"): relation(t, style) for t, (style, _) in self.tables.items()
            },
            "_get_schema_column_info": lambda *_, **__: {
                key(t, "public"): columns for t, (_, columns) in self.tables.items()
            },
            "_get_redshift_constraints": lambda *_, **__: [],
            "get_table_comment": lambda *_, **__: {"text": None},
        }.items():
            monkeypatch.setattr(RedshiftDialect, name, answer)

    @staticmethod
    def _relation(name: str, style: str | None) -> SimpleNamespace:
        return SimpleNamespace(relname=name, schema="public", relkind="r", diststyle=style)

    @contextmanager
    def context(self, **opts: Any) -> Iterator[MigrationContext]:
        with self.driver.engine().connect() as connection:
            options = {"autogenerate_plugins": migrations.autogenerate_plugins(), "compare_type": True, **opts}
            yield MigrationContext.configure(connection, opts=options)

    def revision(self, *items: Any, name: str = "plays", **options: Any) -> tuple[str, str]:
        """Upgrade and downgrade to a table of these columns, as ``alembic revision`` writes them."""
        metadata = sa.MetaData()
        sa.Table(name, metadata, *items, **options)
        with self.context() as context:
            script = produce_migrations(context, metadata)
            assert script.upgrade_ops is not None
            assert script.downgrade_ops is not None
            texts = [render_python_code(ops) for ops in (script.upgrade_ops, script.downgrade_ops)]
            differences = compare_metadata(context, metadata)
        noise = (
            "# ### commands auto generated by Alembic - please adjust! ###",
            "# ### end Alembic commands ###",
        )
        upgrade, downgrade = (
            "\n".join(line.strip() for line in text.splitlines() if line.strip() not in noise).strip()
            for text in texts
        )
        # The question that "alembic check" answers.
        assert bool(differences) == (upgrade != "pass")
        return upgrade, downgrade


@pytest.fixture
def catalogue(driver: Any, monkeypatch: pytest.MonkeyPatch) -> Catalogue:
    return Catalogue(driver, monkeypatch)


def model(**encodings: str) -> list[sa.Column[Any]]:
    return [
        sa.Column("song_id", sa.String(18), redshift_encode=encodings.get("song_id")),
        sa.Column("start_time", sa.DateTime, redshift_encode=encodings.get("start_time")),
    ]


def there(
    style: str | None = None, distkey: str = "", sortkey: str = "", **encodings: str
) -> tuple[str | None, Any]:
    """The table of ``model()`` in the catalogue."""
    keys = sortkey.split()
    return (
        style,
        [
            column(
                name,
                type_,
                encode=encodings.get(name, "lzo" if name == "song_id" else "az64"),
                distkey=name == distkey,
                sortkey=keys.index(name) + 1 if name in keys else 0,
            )
            for name, type_ in (
                ("song_id", "character varying(18)"),
                ("start_time", "timestamp without time zone"),
            )
        ],
    )


NOTHING = ("pass", "pass")

# name: (in the database, options of the model, encodings of the model, upgrade, downgrade)
CHANGES: dict[str, tuple[Any, dict[str, Any], dict[str, str], tuple[str, str]]] = {
    "nothing said, nothing there": (there(), {}, {}, NOTHING),
    "auto said, auto there": (there(), {"redshift_diststyle": "AUTO", "redshift_sortkey": "AUTO"}, {}, NOTHING),
    "auto became a key of Redshift's choice": (there(None, "song_id"), {}, {}, NOTHING),
    "key as said": (
        there("KEY", "song_id", "start_time song_id"),
        {"redshift_distkey": "song_id", "redshift_sortkey": ["start_time", "song_id"]},
        {},
        NOTHING,
    ),
    "key style as said": (
        there("KEY", "song_id"),
        {"redshift_diststyle": "KEY", "redshift_distkey": "song_id"},
        {},
        NOTHING,
    ),
    "all as said": (there("ALL"), {"redshift_diststyle": "all"}, {}, NOTHING),
    "encodings as said": (
        there(song_id="zstd", start_time="none"),
        {},
        {"song_id": "ZSTD", "start_time": "raw"},
        NOTHING,
    ),
    "encodings of Redshift's choice": (there(song_id="bytedict"), {}, {"start_time": "az64"}, NOTHING),
    "encode auto": (there(song_id="bytedict"), {"redshift_encode": "AUTO"}, {"song_id": "zstd"}, NOTHING),
    "new dist key": (
        there("EVEN"),
        {"redshift_distkey": "song_id"},
        {},
        (
            "op.alter_distkey('plays', 'song_id', existing_diststyle='EVEN')",
            "op.alter_diststyle('plays', 'EVEN', existing_distkey='song_id')",
        ),
    ),
    "other dist key": (
        there("KEY", "start_time"),
        {"redshift_distkey": "song_id"},
        {},
        (
            "op.alter_distkey('plays', 'song_id', existing_distkey='start_time')",
            "op.alter_distkey('plays', 'start_time', existing_distkey='song_id')",
        ),
    ),
    "dist key of auto, pinned": (
        there(None, "song_id"),
        {"redshift_distkey": "song_id"},
        {},
        (
            "op.alter_distkey('plays', 'song_id', existing_diststyle='AUTO')",
            "op.alter_diststyle('plays', 'AUTO', existing_distkey='song_id')",
        ),
    ),
    "dist key given up": (
        there("KEY", "song_id"),
        {},
        {},
        (
            "op.alter_diststyle('plays', 'AUTO', existing_distkey='song_id')",
            "op.alter_distkey('plays', 'song_id', existing_diststyle='AUTO')",
        ),
    ),
    "somebody altered the style": (
        there("EVEN"),
        {"redshift_diststyle": "ALL"},
        {},
        (
            "op.alter_diststyle('plays', 'ALL', existing_diststyle='EVEN')",
            "op.alter_diststyle('plays', 'EVEN', existing_diststyle='ALL')",
        ),
    ),
    "new sort key": (
        there(),
        {"redshift_sortkey": "start_time"},
        {},
        (
            "op.alter_sortkey('plays', ['start_time'], existing_sortkey='AUTO')",
            "op.alter_sortkey('plays', 'AUTO', existing_sortkey=['start_time'])",
        ),
    ),
    "other order of the sort key": (
        there(sortkey="start_time song_id"),
        {"redshift_sortkey": ["song_id", "start_time"]},
        {},
        (
            "op.alter_sortkey('plays', ['song_id', 'start_time'], existing_sortkey=['start_time', 'song_id'])",
            "op.alter_sortkey('plays', ['start_time', 'song_id'], existing_sortkey=['song_id', 'start_time'])",
        ),
    ),
    "encodings": (
        there(song_id="lzo", start_time="none"),
        {},
        {"song_id": "zstd", "start_time": "az64"},
        (
            (
                "op.alter_encode('plays', {'song_id': 'zstd', 'start_time': 'az64'}, "
                "existing_encodings={'song_id': 'lzo', 'start_time': 'raw'})"
            ),
            (
                "op.alter_encode('plays', {'song_id': 'lzo', 'start_time': 'raw'}, "
                "existing_encodings={'song_id': 'zstd', 'start_time': 'az64'})"
            ),
        ),
    ),
    "all at once: keys before encodings, and the reverse back": (
        there("ALL", song_id="lzo"),
        {"redshift_distkey": "song_id", "redshift_sortkey": ["song_id"]},
        {"song_id": "raw"},
        (
            (
                "op.alter_distkey('plays', 'song_id', existing_diststyle='ALL')\n"
                "op.alter_sortkey('plays', ['song_id'], existing_sortkey='AUTO')\n"
                "op.alter_encode('plays', {'song_id': 'raw'}, existing_encodings={'song_id': 'lzo'})"
            ),
            (
                "op.alter_encode('plays', {'song_id': 'lzo'}, existing_encodings={'song_id': 'raw'})\n"
                "op.alter_sortkey('plays', 'AUTO', existing_sortkey=['song_id'])\n"
                "op.alter_diststyle('plays', 'ALL', existing_distkey='song_id')"
            ),
        ),
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_autogenerate(name: str, catalogue: Catalogue) -> None:
    database, options, encodings, expected = CHANGES[name]
    catalogue.tables["plays"] = database
    assert catalogue.revision(*model(**encodings), **options) == expected


def test_without_the_plugin_alembic_sees_nothing(catalogue: Catalogue) -> None:
    """The control: what the cases above would be without this package."""
    catalogue.tables["plays"] = there("EVEN", "", "song_id", song_id="lzo")
    metadata = sa.MetaData()
    sa.Table("plays", metadata, *model(song_id="zstd"), redshift_distkey="song_id")
    with catalogue.context(autogenerate_plugins=["alembic.autogenerate.*"]) as context:
        assert compare_metadata(context, metadata) == []


@pytest.mark.parametrize(
    ("svv_table_info", "expected"),
    [
        ("AUTO(SORTKEY(start_time))", NOTHING),
        (
            "start_time",
            (
                "op.alter_sortkey('plays', 'AUTO', existing_sortkey=['start_time'])",
                "op.alter_sortkey('plays', ['start_time'], existing_sortkey='AUTO')",
            ),
        ),
    ],
)
def test_a_sort_key_nobody_asked_for(svv_table_info: str, expected: Any, catalogue: Catalogue) -> None:
    """The catalogue does not say whose choice it was; SVV_TABLE_INFO does."""
    catalogue.tables["plays"] = there(sortkey="start_time")
    catalogue.driver.answers["SELECT svv_table_info.sortkey1 FROM svv_table_info"] = svv_table_info
    assert catalogue.revision(*model()) == expected
    question = next(s for s in catalogue.driver.statements if "svv_table_info" in s)
    assert question == (
        "SELECT svv_table_info.sortkey1 FROM svv_table_info "
        'WHERE svv_table_info.schema = %s AND svv_table_info."table" = %s'
    )
    assert ("public", "plays") in catalogue.driver.parameters


AUTO_ENCODE = (
    "op.alter_encode('plays', 'AUTO', existing_encodings={'song_id': 'bytedict', 'start_time': 'raw'})",
    "op.alter_encode('plays', {'song_id': 'bytedict', 'start_time': 'raw'})",
)
AUTO_SORT = (
    "op.alter_sortkey('plays', 'AUTO', existing_sortkey='NONE')",
    "op.alter_sortkey('plays', 'NONE', existing_sortkey='AUTO')",
)


@pytest.mark.parametrize(
    ("option", "column", "svv_table_info", "expected"),
    [
        ("redshift_encode", "encoded", "Y, AUTO(ENCODE)", NOTHING),
        ("redshift_encode", "encoded", "N, auto(encode)", NOTHING),
        ("redshift_encode", "encoded", "Y", AUTO_ENCODE),
        ("redshift_encode", "encoded", "N", AUTO_ENCODE),
        ("redshift_sortkey", "sortkey1", "AUTO(SORTKEY)", NOTHING),
        ("redshift_sortkey", "sortkey1", "", AUTO_SORT),
    ],
)
def test_auto_of_the_model_is_compared_with_svv_table_info(
    option: str, column: str, svv_table_info: str, expected: Any, catalogue: Catalogue
) -> None:
    catalogue.tables["plays"] = there(song_id="bytedict", start_time="none")
    catalogue.driver.answers[f"SELECT svv_table_info.{column} FROM svv_table_info"] = svv_table_info
    assert catalogue.revision(*model(), **{option: "AUTO"}) == expected
    # A model without the option accepts whatever the table has, and no query is sent.
    asked = [text for text in catalogue.driver.statements if "svv_table_info" in text]
    assert asked
    assert catalogue.revision(*model()) == NOTHING
    assert [text for text in catalogue.driver.statements if "svv_table_info" in text] == asked


@pytest.mark.parametrize("option", ["redshift_encode", "redshift_sortkey"])
def test_auto_of_the_model_that_cannot_be_compared_is_no_difference(
    option: str, catalogue: Catalogue, caplog: pytest.LogCaptureFixture
) -> None:
    catalogue.tables["plays"] = there(song_id="bytedict")
    catalogue.driver.answers["SELECT has_table_privilege"] = False
    catalogue.driver.answers["SELECT svv_table_info"] = catalogue.driver.Error("permission denied")
    assert catalogue.revision(*model(), **{option: "AUTO"}) == NOTHING
    assert "cannot compare AUTO of 'plays': GRANT SELECT ON svv_table_info to this user" in caplog.text


def test_svv_table_info_may_be_hidden(catalogue: Catalogue) -> None:
    catalogue.tables["plays"] = there(sortkey="start_time")
    catalogue.driver.answers["SELECT svv_table_info"] = catalogue.driver.Error("permission denied")
    with pytest.raises(
        CommandError, match="GRANT SELECT ON svv_table_info to this user, or say redshift_sortkey"
    ):
        catalogue.revision(*model())


def test_an_interleaved_key_is_found_and_its_migration_is_refused(catalogue: Catalogue) -> None:
    catalogue.tables["plays"] = there(sortkey="start_time song_id")
    upgrade, downgrade = catalogue.revision(*model(), redshift_interleaved_sortkey=["start_time", "song_id"])
    assert upgrade == (
        "op.alter_sortkey('plays', ['start_time', 'song_id'], interleaved=True, "
        "existing_sortkey=['start_time', 'song_id'])"
    )
    assert downgrade == (
        "op.alter_sortkey('plays', ['start_time', 'song_id'], existing_sortkey=['start_time', 'song_id'], "
        "existing_interleaved=True)"
    )
    for there_column, order in zip(catalogue.tables["plays"][1], (-2, 1), strict=True):
        there_column.sortkey = order
    assert catalogue.revision(*model(), redshift_interleaved_sortkey=["start_time", "song_id"]) == NOTHING


def test_a_new_column_may_be_the_key_and_an_old_key_may_go(catalogue: Catalogue) -> None:
    catalogue.tables["plays"] = there("KEY", "song_id")
    upgrade, downgrade = catalogue.revision(
        sa.Column("start_time", sa.DateTime), sa.Column("user_id", sa.Integer), redshift_distkey="user_id"
    )
    assert upgrade == (
        "op.add_column('plays', sa.Column('user_id', sa.Integer(), nullable=True))\n"
        "op.alter_distkey('plays', 'user_id', existing_distkey='song_id')\n"
        "op.drop_column('plays', 'song_id')"
    )
    assert downgrade.splitlines()[1:] == [
        "op.alter_distkey('plays', 'song_id', existing_distkey='user_id')",
        "op.drop_column('plays', 'user_id')",
    ]
    assert "redshift_encode='lzo'" in downgrade.splitlines()[0]


def test_created_and_dropped_tables_say_it_themselves(catalogue: Catalogue) -> None:
    catalogue.tables["old"] = there("KEY", "song_id", "start_time")
    upgrade, downgrade = catalogue.revision(sa.Column("x", sa.Integer), name="new", redshift_diststyle="ALL")
    assert "redshift_diststyle='ALL'" in upgrade
    assert "op.drop_table('old')" in upgrade
    assert "redshift_distkey='song_id'" in downgrade
    assert "redshift_sortkey=('start_time',)" in downgrade
    assert "alter_" not in upgrade + downgrade


def test_the_reflected_table_is_created_as_it_was(catalogue: Catalogue) -> None:
    """Upstream loses the encoding, and writes SORTKEY () for a table without one."""
    style, columns = there("KEY", "song_id", song_id="zstd")
    identity = column("id", "bigint", notnull=True, default="\"identity\"(1, 0, '0,1'::text)")
    catalogue.tables["plays"] = (style, [identity, *columns])
    with catalogue.driver.engine().connect() as connection:
        table = sa.Table("plays", sa.MetaData(), autoload_with=connection)
    assert " ".join(str(sa.schema.CreateTable(table).compile(dialect=RedshiftDialect())).split()) == (
        "CREATE TABLE plays ( id BIGINT IDENTITY(0,1) ENCODE az64 NOT NULL, song_id VARCHAR(18) ENCODE zstd, "
        "start_time TIMESTAMP WITHOUT TIME ZONE ENCODE az64 ) DISTSTYLE KEY DISTKEY (song_id)"
    )


IDENTITIES: dict[str, tuple[str | None, Any, dict[str, Any], bool]] = {
    "as said": ("\"identity\"(1, 0, '0,1'::text)", (), {"redshift_identity": (0, 1)}, True),
    "as said, in the other words": (
        "\"identity\"(1, 0, '0,1'::text)",
        (sa.Identity(always=True, start=0),),
        {},
        True,
    ),
    "by default, as said": ("default_identity(1, 0, '1,1'::text)", (sa.Identity(),), {}, True),
    "other start": ("\"identity\"(1, 0, '1,1'::text)", (), {"redshift_identity": (0, 1)}, False),
    "always and by default": ("\"identity\"(1, 0, '1,1'::text)", (sa.Identity(),), {}, False),
    "new": (None, (sa.Identity(),), {}, False),
}


@pytest.mark.parametrize("compare_server_default", [False, True])
@pytest.mark.parametrize("name", IDENTITIES)
def test_identity_is_compared(name: str, compare_server_default: bool, catalogue: Catalogue) -> None:
    default, items, options, same = IDENTITIES[name]
    catalogue.tables["plays"] = ("EVEN", [column("id", "bigint", notnull=True, default=default)])
    metadata = sa.MetaData()
    identity = sa.Column("id", sa.BigInteger, *[i._copy() for i in items], nullable=False, **options)
    sa.Table("plays", metadata, identity, redshift_diststyle="EVEN")
    with catalogue.context(compare_server_default=compare_server_default) as context:
        differences = compare_metadata(context, metadata)
    assert (differences == []) is same
    if not same:
        assert differences[0][0][0] == "modify_default"


@pytest.mark.parametrize(
    ("there", "default", "same"),
    [
        ("'free'::character varying", "free", True),
        ("('free'::character varying)::character varying(4)", "free", True),
        ("'it''s'::character varying", "it's", True),
        ("('now'::character varying)::timestamp without time zone", sa.func.now(), True),
        ("0", sa.text("0"), True),
        ("sysdate", sa.func.now(), True),
        ("sysdate()", sa.func.now(), True),
        ("'paid'::character varying", "free", False),
        (None, "free", False),
    ],
)
def test_defaults_are_compared_by_their_text(
    there: str | None, default: Any, same: bool, catalogue: Catalogue
) -> None:
    catalogue.tables["plays"] = (None, [column("level", "character varying(4)", default=there)])
    metadata = sa.MetaData()
    sa.Table("plays", metadata, sa.Column("level", sa.String(4), server_default=default))
    with catalogue.context(compare_server_default=True) as context:
        assert (compare_metadata(context, metadata) == []) is same


def test_indexes_and_long_texts_of_the_model_are_no_differences(catalogue: Catalogue) -> None:
    catalogue.tables["plays"] = (None, [column("agent", "character varying(65535)"), column("n", "integer")])
    assert catalogue.revision(sa.Column("agent", sa.Text), sa.Column("n", sa.Integer, index=True)) == NOTHING


def test_a_contradiction_in_the_model_is_one_line(catalogue: Catalogue) -> None:
    catalogue.tables["plays"] = there()
    with pytest.raises(CommandError, match="cannot have a DISTKEY"):
        catalogue.revision(*model(), redshift_diststyle="ALL", redshift_distkey="song_id")
