"""The declarative base of every model."""

from __future__ import annotations

from sqlalchemy import MetaData
from sqlalchemy.orm import DeclarativeBase

from sparkify.redshift import foreign_key, primary_key

__all__ = ["Base", "foreign_key", "primary_key"]


class Base(DeclarativeBase):
    """The base of every model; its ``metadata`` is what migrations are compared with."""

    metadata = MetaData(
        naming_convention={"pk": "%(table_name)s_pkey", "fk": "%(table_name)s_%(column_0_name)s_fkey"}
    )
