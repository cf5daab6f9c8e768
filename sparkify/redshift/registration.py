"""Makes SQLAlchemy, and Alembic if it is loaded, use the dialect of this package."""

from __future__ import annotations

import sys
from importlib import import_module

from sqlalchemy import URL
from sqlalchemy.dialects import registry
from sqlalchemy.engine import Dialect

from sparkify.redshift.dialect import RedshiftDialect
from sparkify.redshift.options import OPTIONS

__all__ = ["DialectEntryPoint", "register"]


class DialectEntryPoint(RedshiftDialect):
    """The class of the entry point ``redshift.sparkify``, so that ``redshift+sparkify://`` needs no import.

    SQLAlchemy asks it which class to use for a URL; no engine ever uses this one.
    """

    @classmethod
    def get_dialect_cls(cls, url: URL) -> type[Dialect]:
        """:class:`RedshiftDialect`, with its options and its Alembic implementation in place.

        The other names stay as they are: choosing this one does not ask for a different ``redshift://``.
        """
        _complete()
        return RedshiftDialect


def register() -> None:
    """Make ``create_engine("redshift+redshift_connector://...")`` and ``"redshift://..."`` use
    :class:`RedshiftDialect`, as ``"redshift+sparkify://..."`` does without it.

    May be called repeatedly. If SQLAlchemy asked upstream for its options before this package was imported,
    call it before importing models that use an option of
    :data:`~sparkify.redshift.options.OPTIONS`: SQLAlchemy checks ``redshift_*`` arguments when a table is
    created. ``redshift+psycopg2://`` stays upstream's.
    """
    for name in ("redshift", "redshift.redshift_connector", "redshift.sparkify"):
        registry.register(name, RedshiftDialect.__module__, RedshiftDialect.__name__)
    _complete()


def _complete() -> None:
    """Install what is looked up by the name ``redshift`` alone, whichever driver a URL names."""
    if "alembic" in sys.modules:
        # When imported, upstream registers an Alembic implementation that cannot alter columns. This import
        # replaces it.
        import_module("sparkify.redshift.migrations")
    # SQLAlchemy keeps the arguments of the dialect that was found first, which may have been upstream's.
    for cls, arguments in OPTIONS.items():
        for name, default in arguments.items():
            cls.argument_for("redshift", name, default)
