"""The rules for lines that a column's type cannot state, as conditions on the rows of a staging table."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Column, ColumnElement, Float, String, and_, false, func, or_, text
from sqlalchemy.types import TIMESTAMP

from sparkify.etl.column_types import number_limits
from sparkify.etl.declarations import JsonField, Source

__all__ = ["violates_a_rule"]


def violates_a_rule(source: Source) -> ColumnElement[bool]:
    """Whether the validation of lines would reject a staged row, as far as the row can tell."""
    fields = source.fields
    wrong = [_wrong(column, one) for column, one in fields.items()]
    columns: Mapping[str, Column[Any]] = {column.name: column for column in fields}
    for required in source.required:
        missing = [_is_missing(columns[name]) for name in required.needs]
        wrong.append(and_(columns[required.column] == required.value, or_(*missing)))
    return or_(false(), *wrong)


def _wrong(column: Column[Any], one: JsonField) -> ColumnElement[bool]:
    parts: list[ColumnElement[bool]] = []
    if one.required:
        parts.append(_is_missing(column) if one.empty_is_missing else column.is_(None))
    if isinstance(column.type, TIMESTAMP):
        # COPY takes times in years that the validation of lines rejects. It refuses numbers that are too large.
        low, high = number_limits(column).within(one.minimum, one.maximum)
        parts += [column < _moment(low), column > _moment(high)]
    else:
        parts += [column < one.minimum] if one.minimum is not None else []
        parts += [column > one.maximum] if one.maximum is not None else []
    if isinstance(column.type, Float):
        smallest = number_limits(column).smallest
        parts.append(and_(column > -smallest, column < smallest, column != 0))
    if isinstance(column.type, String):
        parts.append(and_(func.left(column, 1).in_(("[", "{")), func.can_json_parse(column)))
    return or_(false(), *parts)


def _is_missing(column: Column[Any]) -> ColumnElement[bool]:
    if isinstance(column.type, String):
        return or_(column.is_(None), column == text("''"))
    return column.is_(None)


def _moment(milliseconds: float) -> datetime:
    return datetime(1970, 1, 1) + timedelta(milliseconds=milliseconds)  # noqa: DTZ001 - UTC without zone
