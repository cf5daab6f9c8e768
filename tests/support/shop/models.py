"""The shop's tables, with their own metadata: the star, the batch, and the ledger built from its mixins."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Integer, MetaData, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TIMESTAMP

from sparkify.etl.declarations import from_json
from sparkify.etl.ledger_models import (
    ColumnHistoryMixin,
    FailedLoadMixin,
    LoadChecksumMixin,
    LoadedFileMixin,
    LoadHistoryMixin,
    LoadLockMixin,
    LoadStepMixin,
    RejectedRowMixin,
)
from sparkify.redshift import foreign_key, primary_key


class Base(DeclarativeBase):
    """The base of the shop's models."""

    metadata = MetaData(
        naming_convention={"pk": "%(table_name)s_pkey", "fk": "%(table_name)s_%(column_0_name)s_fkey"}
    )


class Order(Base):
    """Grain: one order."""

    __tablename__ = "orders"
    __table_args__ = (
        primary_key("order_id"),
        foreign_key("customer_id", "customers.customer_id"),
        {
            "comment": "Grain: one order.",
            "redshift_diststyle": "KEY",
            "redshift_distkey": "customer_id",
            "redshift_sortkey": "placed_at",
        },
    )

    order_id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False, redshift_encode="raw"
    )
    placed_at: Mapped[datetime] = mapped_column(
        TIMESTAMP, redshift_encode="raw", comment="When the order was placed: UTC, with milliseconds."
    )
    customer_id: Mapped[int] = mapped_column(BigInteger, redshift_encode="az64")
    channel: Mapped[str | None] = mapped_column(
        String(16), redshift_encode="zstd", comment="``web`` or ``store``."
    )
    cents: Mapped[int] = mapped_column(Integer, redshift_encode="az64", comment="Cents of the currency EUR.")
    load_id: Mapped[int] = mapped_column(BigInteger, redshift_encode="az64")


class Customer(Base):
    """Grain: one customer, as the newest line has it."""

    __tablename__ = "customers"
    __table_args__ = (
        primary_key("customer_id"),
        {
            "comment": "Grain: one customer. The newest line wins.",
            "redshift_diststyle": "ALL",
            "redshift_sortkey": "customer_id",
        },
    )

    customer_id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False, redshift_encode="raw"
    )
    name: Mapped[str] = mapped_column(String(256), redshift_encode="zstd")
    country: Mapped[str | None] = mapped_column(String(2), redshift_encode="zstd", comment="ISO 3166.")
    changed_at: Mapped[datetime] = mapped_column(TIMESTAMP, redshift_encode="az64")


class StagingOrder(Base):
    """Grain: one line of the orders."""

    __tablename__ = "staging_orders"
    __table_args__ = ({"comment": "Grain: one line of the orders.", "redshift_diststyle": "EVEN"},)

    order_id: Mapped[int | None] = mapped_column(
        BigInteger, info=from_json("orderId", required=True, minimum=1), redshift_encode="az64"
    )
    placed_at: Mapped[datetime | None] = mapped_column(
        TIMESTAMP,
        info=from_json("placedAt", required=True, epoch="ms", minimum=0, maximum=4_102_444_800_000),
        redshift_encode="az64",
    )
    customer_id: Mapped[int | None] = mapped_column(
        BigInteger, info=from_json("customerId", required=True, minimum=1), redshift_encode="az64"
    )
    channel: Mapped[str | None] = mapped_column(String(16), info=from_json("channel"), redshift_encode="zstd")
    cents: Mapped[int | None] = mapped_column(
        Integer, info=from_json("cents", required=True, minimum=0, maximum=10_000_000), redshift_encode="az64"
    )

    __mapper_args__ = {"primary_key": [order_id]}  # noqa: RUF012


class StagingCustomer(Base):
    """Grain: one line of the customers."""

    __tablename__ = "staging_customers"
    __table_args__ = ({"comment": "Grain: one line of the customers.", "redshift_diststyle": "EVEN"},)

    customer_id: Mapped[int | None] = mapped_column(
        BigInteger, info=from_json("customerId", required=True, minimum=1), redshift_encode="az64"
    )
    name: Mapped[str | None] = mapped_column(
        String(256), info=from_json("fullName", required=True), redshift_encode="zstd"
    )
    country: Mapped[str | None] = mapped_column(String(2), info=from_json("country"), redshift_encode="zstd")
    changed_at: Mapped[datetime | None] = mapped_column(
        TIMESTAMP,
        info=from_json("changedAt", required=True, epoch="ms", minimum=0, maximum=4_102_444_800_000),
        redshift_encode="az64",
    )

    __mapper_args__ = {"primary_key": [customer_id]}  # noqa: RUF012


# The names differ from those of Sparkify's ledger on purpose: no code may rely on a name.


class Loads(LoadHistoryMixin, Base):
    """Grain: one load that committed."""

    __tablename__ = "loads"
    __table_args__ = (primary_key("load_id"), {"redshift_diststyle": "ALL"})


class LoadFiles(LoadedFileMixin, Base):
    """Grain: one file whose lines are in the warehouse."""

    __tablename__ = "load_files"
    __table_args__ = (primary_key("source", "uri"), {"redshift_diststyle": "EVEN"})


class RejectedLines(RejectedRowMixin, Base):
    """Grain: one line that is not in the warehouse, and why."""

    __tablename__ = "rejected_lines"
    __table_args__ = (primary_key("source", "uri", "line"), {"redshift_diststyle": "EVEN"})


class LoadToken(LoadLockMixin, Base):
    """Grain: the one row that every load updates first."""

    __tablename__ = "load_token"
    __table_args__ = (primary_key("token"), {"redshift_diststyle": "ALL"})


class LoadTimings(LoadStepMixin, Base):
    """Grain: one step of one of the last loads."""

    __tablename__ = "load_timings"
    __table_args__ = (primary_key("load_id", "number"), {"redshift_diststyle": "ALL"})


class ColumnOrigins(ColumnHistoryMixin, Base):
    """Grain: one column, and the first load since which it is filled."""

    __tablename__ = "column_origins"
    __table_args__ = (primary_key("table_name", "column_name"), {"redshift_diststyle": "ALL"})


class LoadSums(LoadChecksumMixin, Base):
    """Grain: what one load added to the rows of a load in one table, or took from them."""

    __tablename__ = "load_sums"
    __table_args__ = (
        primary_key("load_id", "table_name", "of_load", "removed"),
        {"redshift_diststyle": "ALL"},
    )


class LoadProblems(FailedLoadMixin, Base):
    """Grain: one load that failed."""

    __tablename__ = "load_problems"
    __table_args__ = (primary_key("started_at", "host", "pid"), {"redshift_diststyle": "ALL"})
