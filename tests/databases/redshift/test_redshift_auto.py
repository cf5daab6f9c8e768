"""DISTSTYLE, SORTKEY and ENCODE AUTO as model options: created, compared and altered on the stand-in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import produce_migrations
from alembic.operations import Operations
from alembic.operations.ops import ModifyTableOps
from alembic.runtime.migration import MigrationContext

from sparkify.redshift import migrations, register
from standin import Standin

AUTO = {"redshift_diststyle": "AUTO", "redshift_sortkey": "AUTO", "redshift_encode": "AUTO"}
CHOSEN = {"redshift_distkey": "user_id", "redshift_sortkey": "at"}


@pytest.fixture
def connection(redshift: Standin) -> Iterator[sa.Connection]:
    register()
    engine = sa.create_engine(redshift.url, connect_args=redshift.connect_args())
    with engine.connect() as opened:
        yield opened
    engine.dispose()


def plays(encode: str | None = None, **options: Any) -> sa.Table:
    return sa.Table(
        "plays",
        sa.MetaData(),
        sa.Column("user_id", sa.BigInteger, redshift_encode=encode),
        sa.Column("at", sa.DateTime, redshift_encode=encode),
        **options,
    )


def create(connection: sa.Connection, table: sa.Table) -> None:
    """The table with a row in it: of an empty one SVV_TABLE_INFO tells nothing."""
    table.create(connection)
    connection.execute(table.insert().values(user_id=7))
    connection.commit()


def differences(connection: sa.Connection, table: sa.Table) -> list[Any]:
    context = MigrationContext.configure(
        connection, opts={"autogenerate_plugins": migrations.autogenerate_plugins()}
    )
    script = produce_migrations(context, table.metadata)
    assert script.upgrade_ops is not None
    found: list[Any] = []
    for op in script.upgrade_ops.ops:
        assert isinstance(op, ModifyTableOps)
        found += op.ops
    return found


def apply(connection: sa.Connection, ops: list[Any]) -> list[str]:
    operations = Operations(MigrationContext.configure(connection))
    for op in ops:
        operations.invoke(op)
    connection.commit()
    return [op.call() for op in ops]


def test_auto_in_the_model_is_auto_in_the_database(redshift: Standin, connection: sa.Connection) -> None:
    create(connection, plays(**AUTO))
    assert [
        tuple(row) for row in redshift.query("SELECT encoded, diststyle, sortkey1 FROM rs.svv_table_info")
    ] == [("Y, AUTO(ENCODE)", "AUTO(ALL)", "AUTO(SORTKEY)")]
    assert differences(connection, plays(**AUTO)) == []
    # A model without the options gets AUTO too.
    assert differences(connection, plays()) == []


def test_choices_are_given_back_to_redshift_and_taken_again(connection: sa.Connection) -> None:
    chosen = plays("zstd", **CHOSEN)
    create(connection, chosen)
    assert differences(connection, chosen) == []
    there = differences(connection, plays(**AUTO))
    assert apply(connection, there) == [
        "alter_diststyle('plays', 'AUTO', existing_distkey='user_id')",
        "alter_sortkey('plays', 'AUTO', existing_sortkey=['at'])",
        "alter_encode('plays', 'AUTO', existing_encodings={'user_id': 'zstd', 'at': 'zstd'})",
    ]
    assert differences(connection, plays(**AUTO)) == []
    apply(connection, [op.reverse() for op in reversed(there)])
    assert differences(connection, chosen) == []


def test_no_sort_key_is_not_auto(connection: sa.Connection) -> None:
    create(connection, plays())
    connection.exec_driver_sql("ALTER TABLE plays ALTER SORTKEY NONE")
    connection.commit()
    assert differences(connection, plays()) == []
    found = differences(connection, plays(redshift_sortkey="AUTO"))
    assert apply(connection, found) == ["alter_sortkey('plays', 'AUTO', existing_sortkey='NONE')"]
    assert differences(connection, plays(redshift_sortkey="AUTO")) == []


def test_nothing_is_assumed_of_an_empty_table(connection: sa.Connection) -> None:
    plays("zstd").create(connection)
    connection.commit()
    assert differences(connection, plays(redshift_encode="AUTO", redshift_sortkey="AUTO")) == []
