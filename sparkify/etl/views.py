"""Views: SELECTs that a database keeps under a name, declared from the models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from sqlalchemy import Column, ColumnElement, MetaData, Select, Table
from sqlalchemy.schema import ExecutableDDLElement
from sqlalchemy.sql.visitors import iterate

from sparkify.etl.constructs import CommentOnView, CreateView, DropView

__all__ = ["View"]


@dataclass(frozen=True, kw_only=True)
class View:
    """A SELECT that a database keeps under a name.

    It is not a table of the pipeline's metadata: loads never write it, and autogenerate does not compare it.

    :ivar rows: the SELECT, whose columns, by their labels, are those of the view.
    :ivar comment: begins with the grain, like that of a table.
    :ivar comments: by column; the default is the comment of the model's column, if there is one behind it.
    """

    name: str
    rows: Select[Any]
    comment: str
    comments: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def table(self) -> Table:
        """The view as SELECTs name it: ``select(view.table.c.song_title)``."""
        return Table(
            self.name,
            # Not the pipeline's metadata, whose tables are created, and compared with the database.
            MetaData(),
            *(
                Column(
                    column.key,
                    column.type,
                    nullable=_is_nullable(column),
                    comment=self.comments.get(str(column.key)) or _comment(column),
                )
                for column in self.rows.selected_columns
            ),
            comment=self.comment,
        )

    def create(self, schema: str | None = None) -> tuple[ExecutableDDLElement, ...]:
        """The statements that create it, comments included.

        :param schema: the schema of its tables; see :class:`~sparkify.etl.constructs.CreateView`.
        """
        columns = {column.name: column.comment for column in self.table.columns if column.comment}
        return (
            CreateView(self.name, self.rows, schema=schema),
            CommentOnView(self.name, self.comment, columns, schema=schema),
        )

    def drop(self, schema: str | None = None) -> DropView:
        """The statement that drops it."""
        return DropView(self.name, schema=schema)


def _is_nullable(column: ColumnElement[Any]) -> bool:
    """Whether any column that it is made of may be NULL."""
    return any(getattr(part, "nullable", False) for part in iterate(column))


def _comment(column: ColumnElement[Any]) -> str | None:
    """The comment of the model's column that a column of a SELECT selects, under whichever label."""
    return next((base.comment for base in column.base_columns if isinstance(base, Column)), None)
