"""Values through the dialect and the driver, which SQLAlchemy's own suite found corrupted or rejected."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest
import sqlalchemy as sa

from sparkify.redshift import register
from standin import Standin

register()

metadata = sa.MetaData()
values = sa.Table(
    "kept",
    metadata,
    sa.Column("id", sa.Integer),
    sa.Column("exact", sa.Numeric(38, 12)),
    sa.Column("rough", sa.Numeric(18, 4, asdecimal=False)),
    sa.Column("state", sa.Enum("réveillé", "b", name="state")),
)
LONG = Decimal("319438950232418390.273596000000")


@pytest.fixture
def connection(redshift: Standin) -> Iterator[sa.Connection]:
    engine = sa.create_engine(redshift.url)
    with engine.connect() as connection:
        metadata.create_all(connection)
        connection.execute(
            sa.insert(values),
            [
                {"id": 1, "exact": LONG, "rough": 15.7563, "state": "réveillé"},
                {"id": 2, "exact": None, "rough": None, "state": "b"},
            ],
        )
        yield connection
    engine.dispose()


def test_numeric_keeps_its_digits(connection: sa.Connection) -> None:
    assert connection.scalars(sa.select(values.c.exact).order_by(values.c.id)).all() == [LONG, None]


def test_numeric_as_float_is_float(connection: sa.Connection) -> None:
    found = connection.scalars(sa.select(values.c.rough).order_by(values.c.id)).all()
    assert found == [15.7563, None]
    assert type(found[0]) is float


def test_enum_beyond_ascii_goes_in(connection: sa.Connection) -> None:
    assert connection.scalars(sa.select(values.c.state).order_by(values.c.id)).all() == ["réveillé", "b"]


def test_parameter_rendered_at_execution_has_its_value(connection: sa.Connection) -> None:
    ids: sa.BindParameter[list[int]] = sa.bindparam("ids", expanding=True, literal_execute=True)
    one: sa.BindParameter[int] = sa.bindparam("one", literal_execute=True, type_=sa.Integer)
    query = sa.select(values.c.id).where(values.c.id.in_(ids), values.c.id < one)
    assert connection.scalars(query, {"ids": [1, 2, 3], "one": 2}).all() == [1]


def test_what_is_not_there_is_not_reflected(connection: sa.Connection) -> None:
    inspector = sa.inspect(connection)
    connection.exec_driver_sql("CREATE TABLE without_key (id INT NOT NULL)")
    assert inspector.get_pk_constraint("without_key")["name"] is None
    assert inspector.get_foreign_keys("without_key") == []
    for reflect in (
        inspector.get_pk_constraint,
        inspector.get_foreign_keys,
        inspector.get_unique_constraints,
        inspector.get_view_definition,
    ):
        with pytest.raises(sa.exc.NoSuchTableError):
            reflect("not_there")
    with pytest.raises(sa.exc.NoSuchTableError):
        inspector.get_view_definition("without_key")
