"""Makes SQLAlchemy, and Alembic where it is loaded, use the dialect of this package."""

from __future__ import annotations

import sys
from importlib import import_module

from sqlalchemy.dialects import registry

from sparkify.redshift.dialect import RedshiftDialect
from sparkify.redshift.options import OPTIONS

__all__ = ["register"]


def register() -> None:
    """Make ``create_engine("redshift+redshift_connector://...")`` and ``"redshift://..."`` use
    :class:`RedshiftDialect`.

    May be called again. Where SQLAlchemy has asked upstream for its options before this package was imported,
    call it before the models are imported that use an option of
    :data:`~sparkify.redshift.options.OPTIONS`: SQLAlchemy checks ``redshift_*`` arguments when the table is
    made. ``redshift+psycopg2://`` stays upstream's.
    """
    for name in ("redshift", "redshift.redshift_connector"):
        registry.register(name, RedshiftDialect.__module__, RedshiftDialect.__name__)
    if "alembic" in sys.modules:
        # Upstream registers an Alembic implementation when it is imported; it can alter no column. This
        # import replaces it.
        import_module("sparkify.redshift.migrations")
    # SQLAlchemy keeps the arguments of the dialect that was found first, which may have been upstream's.
    for cls, arguments in OPTIONS.items():
        for name, default in arguments.items():
            cls.argument_for("redshift", name, default)
