"""What SQLAlchemy's suite has to be told of a database: temporary tables, schemas, and what is left out."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.testing.provision import set_default_schema_on_connection, temp_table_keyword_args


@temp_table_keyword_args.for_db("redshift")  # type: ignore[no-untyped-call, untyped-decorator, unused-ignore]
def _temporary(cfg: Any, engine: Any) -> dict[str, Any]:
    return {"prefixes": ["TEMPORARY"]}


@set_default_schema_on_connection.for_db("redshift")  # type: ignore[no-untyped-call, untyped-decorator, unused-ignore]
def _set_schema(cfg: Any, connection: Any, schema: str) -> None:
    with closing(connection.cursor()) as cursor:
        cursor.execute(f"SET search_path TO {schema}")
    connection.commit()


def leave_out_what_redshift_lacks() -> None:
    """Keep CHECK constraints and indexes of the suite's tables away from CREATE TABLE, as an application would.

    The dialect refuses them, and the tables that most tests need declare some, without a requirement.
    """
    for kind in (sa.CheckConstraint, sa.Index):
        event.listen(kind, "after_parent_attach", _for_another)

    # Redshift takes no backslash in a comment, and one of the suite's has one.
    for item in (sa.Column, sa.Table):
        event.listen(item, "after_parent_attach", _without_backslash)


def _without_backslash(element: Any, parent: Any) -> None:
    if element.comment is not None:
        element.comment = element.comment.replace("\\", "/")


def _for_another(element: Any, parent: Any) -> None:
    element.ddl_if(dialect="another")
    if isinstance(element, sa.CheckConstraint):
        element.comment = None
