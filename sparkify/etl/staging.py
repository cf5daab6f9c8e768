"""Declares a staging table: the files that fill it, and how each key of their lines becomes a column."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from typing import Any, Literal

from sqlalchemy import Column, Date, DateTime, String, Table

from sparkify.etl.column_types import MAX_TEXT, is_read_from_json, text_limit
from sparkify.etl.declaration_checks import (
    check_json_keys,
    check_kind,
    check_names,
    check_schemas,
    check_source_name,
    check_text_column,
)
from sparkify.etl.errors import ConfigurationError

__all__ = ["JsonField", "Kept", "Location", "Required", "Source", "Watched", "from_json", "json_fields"]

_INFO_KEY = "sparkify.json"


@dataclass(frozen=True, kw_only=True)
class JsonField:
    """How one key of a JSON object becomes one column.

    The rules are the same on every database: on DuckDB they are applied during reading, on Redshift they are
    what COPY and the type of the column allow.
    """

    key: str
    required: bool = False
    """Whether a line without a value for this key is rejected; always true if the column is NOT NULL."""
    empty_is_missing: bool = False
    """Whether an empty text counts as missing, as in a key. For a number or a time it always does."""
    epoch: Literal["ms"] | None = None
    """``ms``: the value is an integer, milliseconds since 1970-01-01 UTC, and becomes a UTC timestamp."""
    minimum: float | None = None
    maximum: float | None = None
    too_low: str | None = None
    """The reason given for a value below the minimum, such as ``is before 2000``; default: ``is below ...``."""
    days_ahead: int | None = None
    """For an epoch: how many days after the day (UTC) of the load it may be; see :meth:`Source.as_of`."""
    too_high: str | None = None
    """The reason given for a value above the maximum; default: ``is above ...``."""


def from_json(
    key: str,
    *,
    required: bool = False,
    empty_is_missing: bool = False,
    epoch: Literal["ms"] | None = None,
    minimum: float | None = None,
    maximum: float | None = None,
    too_low: str | None = None,
    too_high: str | None = None,
    days_ahead: int | None = None,
) -> dict[Any, Any]:
    """The ``info=`` of a staging column that is filled from the JSON key ``key``."""
    return {
        _INFO_KEY: JsonField(
            key=key,
            required=required,
            empty_is_missing=empty_is_missing,
            epoch=epoch,
            minimum=minimum,
            maximum=maximum,
            too_low=too_low,
            too_high=too_high,
            days_ahead=days_ahead,
        )
    }


def json_fields(table: Table) -> dict[Column[Any], JsonField]:
    """The columns of a staging table with the JSON key of each, in the order of the table.

    :raises ValueError: when no column of the table was declared with :func:`from_json`.
    :raises ConfigurationError: when the type of one cannot hold a JSON value unchanged; when one is a text that
        is too long for Redshift, or has the bounds of a number; and when any other column is NOT NULL.
    """
    fields: dict[Column[Any], JsonField] = {
        column: column.info[_INFO_KEY] if column.nullable else replace(column.info[_INFO_KEY], required=True)
        for column in table.columns
        if _INFO_KEY in column.info
    }
    if not fields:
        raise ValueError(f"table {table.name}: no column is declared with info=from_json(...)")
    for column in table.columns:
        if column not in fields and not column.nullable:
            raise ConfigurationError(
                "is NOT NULL, and is not filled from JSON",
                where=str(column),
                hint="Declare it with info=from_json(...), or let it be NULL.",
            )
    for column, one in fields.items():
        _check_type(column, one)
    return fields


def _check_type(column: Column[Any], one: JsonField) -> None:
    kind, where = column.type, str(column)
    if not is_read_from_json(kind, is_epoch=one.epoch == "ms"):
        raise ConfigurationError(f"a {kind!r} cannot be read from JSON", where=where, hint=_instead_of(column))
    if not isinstance(kind, String):
        return
    if text_limit(kind) > MAX_TEXT:
        raise ConfigurationError(
            f"a text of {text_limit(kind):,} bytes is longer than Redshift has, {MAX_TEXT:,}",
            where=where,
            hint="Declare it as Text, which is as long as that.",
        )
    bounds = {name: getattr(one, name) for name in ("epoch", "minimum", "maximum", "days_ahead")}
    if given := [name for name, value in bounds.items() if value is not None]:
        raise ConfigurationError(
            f"a text has no {' and no '.join(given)}",
            where=where,
            hint="Declare it as an integer, a double or a TIMESTAMP, or leave them out.",
        )


def _instead_of(column: Column[Any]) -> str:
    """The types to use instead of one that cannot be read from JSON."""
    if isinstance(column.type, DateTime | Date):
        return (
            'Use TIMESTAMP of sqlalchemy.types with epoch="ms", of milliseconds since 1970-01-01 UTC; '
            "a time that is written otherwise is read as text."
        )
    # For a NUMERIC, COPY turns the JSON number 19.99 into 19.98, and DuckDB goes by way of a DOUBLE. Redshift's
    # CHAR takes only ASCII.
    return (
        "Use String(n), an integer, a double or an epoch, and for money String(n), or an integer of its "
        "smallest unit."
    )


def _until(one: JsonField, day: date) -> JsonField:
    """The rules of a key for a load on this day."""
    if one.days_ahead is None:
        return one
    last = day + timedelta(days=one.days_ahead)
    end = datetime.combine(last + timedelta(days=1), time.min, tzinfo=UTC)
    return replace(one, maximum=int(end.timestamp()) * 1000 - 1, too_high=f"is after {last}, in the future")


@dataclass(frozen=True, kw_only=True)
class Required:
    """Columns that must have a value in the lines where ``column`` equals ``value``."""

    column: str
    value: str
    needs: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Kept:
    """The lines that the transforms use: those where ``column`` equals ``value``.

    The other lines are validated and counted in the same way. A database that reads the files itself does not
    store them; one that copies whole files does, so the transforms filter by the same value.
    """

    column: str
    value: str


@dataclass(frozen=True, kw_only=True)
class Watched:
    """A column with few distinct values: a load reports a value that it never had before.

    :ivar values: the values that are known from the start.
    """

    column: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Location:
    """The setting that says where the files of a source are.

    The setting ``orders`` is ``ORDERS`` in ``section`` of the settings file; the environment and the command
    line each spell the name in their own way.

    :ivar setting: the name of the setting.
    :ivar section: its section in the file.
    :ivar option: its name there; by default that of the setting, in capitals.
    :ivar default: where the files are if nothing is set; None: it must be set.
    :ivar jsonpaths: the setting that names a JSONPaths file for COPY; None if there is no such setting.
    """

    setting: str
    section: str = "SOURCES"
    option: str | None = None
    default: str | None = None
    description: str = ""
    jsonpaths: str | None = None


@dataclass(frozen=True, kw_only=True)
class Source:
    """Files of newline-delimited JSON that fill one staging table.

    :ivar name: its name in commands and reports, such as ``events``.
    :ivar staging: the table that holds the batch; its columns are declared with :func:`from_json`.
    :ivar required: values that some of the lines must have, besides what a column itself requires.
    :ivar kept: the lines that the transforms use; None: all of them.
    :ivar watched: the column whose new values are reported; None: no column.
    :ivar ranges: columns whose least and greatest values in a batch are looked up once it is staged, so that
        statements read only that range of a large table (:mod:`sparkify.etl.ranges`).
    :ivar location: the setting that says where the files are; by default ``source_<name>``.
    :ivar day: the day of the load, UTC; None: no value is too far in the future.
    """

    name: str
    staging: Table
    required: tuple[Required, ...] = ()
    kept: Kept | None = None
    watched: Watched | None = None
    ranges: tuple[str, ...] = ()
    location: Location = field(default_factory=lambda: Location(setting=""))
    day: date | None = None

    def __post_init__(self) -> None:
        """Check the declaration.

        :raises ConfigurationError: when a column of the staging table has a type that is not read from JSON;
            when two are filled from one key, or one from a key that no JSONPaths file can name; when
            ``required``, ``kept`` or ``watched`` names a column that is not filled from JSON or is not a text;
            and when the name has characters other than letters, digits, ``_``, ``-`` and ``.``.
        :raises ValueError: when ``ranges`` names a column that the table does not have.
        """
        check_source_name(self.name)
        check_schemas([self.staging])
        check_json_keys(
            {column.name: one.key for column, one in json_fields(self.staging).items()},
            where=f"source {self.name}",
        )
        self._check_names()
        if unknown := [name for name in self.ranges if name not in self.staging.c]:
            raise ValueError(f"source {self.name}: {self.staging.name} has no column {', '.join(unknown)}")
        if not self.location.setting:
            setting = f"source_{self.name}"
            described = f"the {self.name}: a folder or s3://bucket/prefix"
            object.__setattr__(
                self, "location", Location(setting=setting, option=self.name.upper(), description=described)
            )

    def _check_names(self) -> None:
        columns = {column.name: column for column in json_fields(self.staging)}
        where, of = f"source {self.name}", self.staging.name
        check_kind(self.ranges, where=where, what="ranges")
        for one in self.required:
            check_text_column(one.column, columns, where=where, what="column of Required", of=of)
            among = f"the columns from JSON of {of}"
            check_names(one.needs, columns, where=where, what="needs", among=among)
        if self.kept is not None:
            check_text_column(self.kept.column, columns, where=where, what="column of Kept", of=of)
        if self.watched is not None:
            check_kind(self.watched.values, where=where, what="values")
            check_text_column(self.watched.column, columns, where=where, what="column of Watched", of=of)

    @cached_property
    def fields(self) -> Mapping[Column[Any], JsonField]:
        """The columns of the staging table with the JSON key of each, in the order of the table."""
        fields = json_fields(self.staging)
        return fields if self.day is None else {name: _until(one, self.day) for name, one in fields.items()}

    def as_of(self, moment: datetime) -> Source:
        """The same source as a load at this moment (UTC) reads it: it rejects epochs too far after that day.

        The day counts, not the moment: two loads on the same day either both accept a line or both reject it.
        """
        return replace(self, day=moment.date())

    @cached_property
    def keys(self) -> Mapping[str, str]:
        """The JSON key of each column, by the name of the column."""
        return {column.name: field.key for column, field in self.fields.items()}
