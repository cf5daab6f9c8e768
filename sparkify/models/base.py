"""The declarative base of every model, which makes a model's docstring the comment of its table."""

from __future__ import annotations

import inspect
from typing import Any

from sqlalchemy import MetaData, Table
from sqlalchemy.orm import DeclarativeBase

from sparkify.redshift import foreign_key, primary_key

__all__ = ["Base", "foreign_key", "primary_key"]


class Base(DeclarativeBase):
    """The base of every model; its ``metadata`` is what migrations are compared with.

    The docstring of a model, which begins with the grain, is the comment of its table in the database.
    """

    metadata = MetaData(
        naming_convention={"pk": "%(table_name)s_pkey", "fk": "%(table_name)s_%(column_0_name)s_fkey"}
    )

    def __init_subclass__(cls, **kw: Any) -> None:
        """Map the model, and set the comment of its table."""
        super().__init_subclass__(**kw)
        if isinstance(cls.__table__, Table):
            cls.__table__.comment = _comment(cls.__doc__ or "")


def _comment(docstring: str) -> str:
    """The docstring as a comment: one line for each paragraph, code in single backticks as in Markdown."""
    paragraphs = inspect.cleandoc(docstring).replace("``", "`").split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
